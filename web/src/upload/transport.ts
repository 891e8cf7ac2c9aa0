// Uppy's tus, loaded once somebody is about to send: the page is lighter without it.
import type { Uppy } from '@uppy/core'
import type { TusBody } from '@uppy/tus'
import type { DetailedError } from 'tus-js-client'
import type { Connection } from './connection'
import { LARGEST_CHUNK } from './chunk-sizes'
import { describe, isRetried, RETRY_DELAYS } from './faults'

const AT_ONCE = 3
const TRIES = 3
const RETRY_MS = 2_000

/** Have `uppy` send to `endpoint`; false if what that takes isn't served any more. */
export async function addTransport<Meta extends Record<string, string>>(
  uppy: Uppy<Meta, TusBody>,
  endpoint: string,
  connection: Connection,
): Promise<boolean> {
  const loaded = await load(connection)
  if (loaded === undefined) return false
  uppy.use(loaded.default<Meta, TusBody>, {
    endpoint,
    limit: AT_ONCE,
    retryDelays: RETRY_DELAYS,
    chunkSize: LARGEST_CHUNK,
    allowedMetaFields: ['filename', 'filetype', 'relativePath', 'lastModified'],
    storeFingerprintForResuming: false, // names of files are nothing to leave in a browser
    onShouldRetry: (error, attempt, options) => isRetried(error, attempt, options.httpStack),
    onError: (error) => {
      error.message = describe(error as DetailedError)
    },
  })
  return true
}

async function load(connection: Connection): Promise<typeof import('@uppy/tus') | undefined> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    await connection.ready()
    try {
      return await import('@uppy/tus')
    } catch {
      connection.failed()
      await new Promise((resolve) => {
        setTimeout(resolve, RETRY_MS)
      })
    }
  }
  return undefined
}
