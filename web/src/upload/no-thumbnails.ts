// Stands in for Uppy's thumbnails, which bring a reader of pictures with them: nobody sends photos.
export default class NoThumbnails {}
