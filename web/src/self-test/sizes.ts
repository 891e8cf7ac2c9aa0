// Looks for a limit on the size of requests. Browsers show a refusal only once all is sent.

import { formatBytes } from '../common/format'
import { _ } from '../common/messages'
import type { Check, Finding } from './findings'
import { send } from './sending'

const MIB = 1024 * 1024
const SIZES = [64 * MIB, 32 * MIB, 8 * MIB, MIB]
/** Uploads send no larger chunks. */
const LARGEST_CHUNK_BYTES = 32 * MIB
const PIECE_BYTES = MIB
/** On a slow line no chunks are sent that take longer. */
const LONGEST_MS = 15_000
const TIMEOUT_MS = 60_000

export const sizeCheck = (): Check => ({
  name: 'size',
  title: _('Size of a request'),
  run: async ({ api, bytesPerMs }) => {
    const sizes = SIZES.filter((bytes) => bytes === MIB || bytes <= bytesPerMs * LONGEST_MS)
    return finding(await largest(`${api}/body`, sizes))
  },
})

interface Largest {
  bytes: number
  refusals: string[]
}

async function largest(url: string, sizes: number[]): Promise<Largest> {
  const refusals: string[] = []
  for (const bytes of sizes) {
    const refusal = await refusalOf(url, bytes)
    if (refusal === undefined) return { bytes, refusals }
    refusals.push(`${bytes / MIB} MiB: ${refusal}`)
  }
  return { bytes: 0, refusals }
}

/** Send a body of `bytes`, and return why it was refused, if it was. */
async function refusalOf(url: string, bytes: number): Promise<string | undefined> {
  try {
    const sent = await send({
      method: 'POST',
      url,
      body: bodyOf(bytes),
      headers: { 'Content-Type': 'application/octet-stream' },
      timeoutMs: TIMEOUT_MS,
    })
    return sent.arrival === undefined ? `status ${sent.status}` : undefined
  } catch {
    return 'cut'
  }
}

function bodyOf(bytes: number): Blob {
  const piece = new Blob([new Uint8Array(PIECE_BYTES)])
  return new Blob(Array.from({ length: bytes / piece.size }, () => piece))
}

function finding({ bytes, refusals }: Largest): Finding {
  const facts = { 'largest (bytes)': bytes, refused: refusals.join('; ') || 'none' }
  if (refusals.length === 0)
    return { verdict: 'good', text: _('Requests of %(size)s get through.', { size: formatBytes(bytes) }), facts }
  if (bytes === 0)
    return {
      verdict: 'bad',
      text: _('Even small requests are refused.'),
      advice: _('Ask your network administrators to let this site pass.'),
      facts,
    }
  const suffices = bytes >= LARGEST_CHUNK_BYTES
  return {
    verdict: suffices ? 'note' : 'bad',
    text: _('Something on the way refuses large requests; %(size)s gets through.', {
      size: formatBytes(bytes),
    }),
    advice: suffices
      ? _('That is enough for uploads here. Other programs may need to send smaller chunks.')
      : _('Fast uploads send larger chunks. Tell Customer Care: the limit is that of a proxy.'),
    facts,
  }
}
