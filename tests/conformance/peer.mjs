// @tus/server with its file store, all that it offers switched on; uploads below /brief expire after a second.
// One that crashes is started again. Settings come as one JSON object in CONFORMANCE_PEER.

import cluster from 'node:cluster'
import http from 'node:http'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const settings = JSON.parse(process.env.CONFORMANCE_PEER)

const tusBelow = (path, lifetime) =>
  new Server({
    path,
    maxSize: 2 ** 40,
    datastore: new FileStore({
      directory: settings.folder + path,
      expirationPeriodInMilliseconds: lifetime,
    }),
  })

const serve = () => {
  const lasting = tusBelow('/files', 24 * 3600 * 1000)
  const brief = tusBelow('/brief', 1000)
  http
    .createServer((request, response) =>
      (request.url.startsWith('/brief') ? brief : lasting).handle(request, response),
    )
    .listen(settings.port, '127.0.0.1')
}

if (cluster.isPrimary) {
  cluster.on('exit', () => {
    console.log('crashed')
    cluster.fork()
  })
  cluster.fork()
} else {
  serve()
}
