// Stands in for Uppy's sizes: it counts in powers of two and calls them MB, the rest of the page
// doesn't.
export { formatBytes as prettierBytes } from '../common/format'
