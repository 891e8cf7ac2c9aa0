// The HTTP peer: @tus/server with its S3 store, as its documentation sets it up, parts as big as ours.
// Settings come as one JSON object in BENCH_TUS.

import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { S3Store } from '@tus/s3-store'
import { Server } from '@tus/server'

const settings = JSON.parse(process.env.BENCH_TUS)

const tus = new Server({
  path: '/files',
  datastore: new S3Store({
    partSize: settings.partSize,
    s3ClientConfig: {
      bucket: settings.bucket,
      endpoint: settings.endpoint,
      region: settings.region,
      forcePathStyle: true,
      credentials: { accessKeyId: settings.accessKey, secretAccessKey: settings.secretKey },
    },
  }),
})

const handle = (request, response) => tus.handle(request, response)
const server = settings.certificate
  ? https.createServer(
      { cert: fs.readFileSync(settings.certificate), key: fs.readFileSync(settings.key) },
      handle,
    )
  : http.createServer(handle)

// Node ends a request that takes longer than five minutes; a slow machine must not be cut off by that.
server.requestTimeout = 0
server.listen(settings.port, '127.0.0.1')
