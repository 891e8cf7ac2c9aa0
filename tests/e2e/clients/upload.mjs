// Sends one file with tus-js-client, and prints one JSON object: how it ended, and every request.
// Settings come as one JSON object in UPLOAD; `options` go to tus-js-client as they are.

import crypto from 'node:crypto'
import fs from 'node:fs'
import { PassThrough } from 'node:stream'
import * as tus from 'tus-js-client'

const settings = JSON.parse(process.env.UPLOAD)
const requests = []
let damages = settings.damages ?? 0

// What the file is to the client: a path that it reads slices of, bytes, or a stream that is read once.
const sources = {
  path: () => fs.createReadStream(settings.file),
  bytes: () => fs.readFileSync(settings.file),
  stream: () => fs.createReadStream(settings.file).pipe(new PassThrough()),
}

// tus-js-client has no checksums of its own: they are added as each slice is sent.
class ChecksummingStack extends tus.DefaultHttpStack {
  createRequest(method, url) {
    const request = super.createRequest(method, url)
    const send = request.send.bind(request)
    request.send = (body = null) => {
      if (body instanceof Uint8Array) {
        const digest = crypto.createHash(settings.checksum).update(body).digest('base64')
        request.setHeader('Upload-Checksum', `${settings.checksum} ${digest}`)
        if (damages-- > 0) {
          const { size } = body
          body = Buffer.from(body)
          body[0] ^= 1
          body.size = size
        }
      }
      return send(body)
    }
    return request
  }
}

const done = (ended) => {
  console.log(JSON.stringify({ ...ended, url: upload.url, requests }))
  process.exit(0)
}

const upload = new tus.Upload(sources[settings.source](), {
  retryDelays: [0, 100, 300, 1000, 3000],
  ...settings.options,
  ...(settings.options.chunkSize ? {} : { chunkSize: Number.POSITIVE_INFINITY }),
  ...(settings.urls ? { urlStorage: new tus.FileUrlStorage(settings.urls) } : {}),
  ...(settings.checksum ? { httpStack: new ChecksummingStack({}) } : {}),
  onShouldRetry: (error) => {
    const status = error.originalResponse?.getStatus() ?? 0
    return [409, 423, 460].includes(status) || status < 400 || status >= 500
  },
  onAfterResponse: (request, response) => {
    requests.push([request.getMethod(), response.getStatus()])
  },
  onProgress: async (sent) => {
    if (settings.abortAfter && sent >= settings.abortAfter) {
      await upload.abort(settings.terminate ?? false)
      done({ ended: 'aborted' })
    }
  },
  onSuccess: () => done({ ended: 'success' }),
  onError: (error) => done({ ended: 'error', error: String(error) }),
})

const earlier = settings.urls ? await upload.findPreviousUploads() : []
if (earlier.length > 0) {
  upload.resumeFromPreviousUpload(earlier[0])
}
upload.start()
