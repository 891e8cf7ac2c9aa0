// Sends a chunk as uploads do, with its checksum, and looks at how it arrived.

import { _ } from '../common/messages'
import { type Check, type Facts, type Finding, formatRate } from './findings'
import { type Arrival, type Sent, send } from './sending'

const MIB = 1024 * 1024
const TINY_BYTES = 1024
const FIRST_BYTES = MIB
const MOST_BYTES = 32 * MIB
const RANDOM_AT_ONCE = 65_536
/** Long enough to tell whether a body arrives while it is sent. */
const WANTED_MS = 1_000
const TELLING_MS = 400
const TIMEOUT_MS = 120_000
/** Arrived in so small a part of the time that it took, it was kept back until its end. */
const KEPT_BACK = 0.5

export const chunkCheck = (): Check => ({
  name: 'chunk',
  title: _('Upload'),
  run: async (bench) => {
    const url = `${bench.api}/body`
    try {
      // The first one opens the connection, so that the next tells how long a round trip takes.
      await sendChunk(url, TINY_BYTES)
      const tiny = await sendChunk(url, TINY_BYTES)
      const chunk = await sendLongEnough(url)
      bench.bytesPerMs = chunk.bytes / chunk.sent.totalMs
      return finding(chunk, tiny.sent.totalMs)
    } catch {
      return await findingWithoutPatch(url)
    }
  },
})

interface Chunk {
  bytes: number
  sha256: string
  sent: Sent
}

/** Send a chunk, and once more a bigger one if it was gone too fast to tell anything. */
async function sendLongEnough(url: string): Promise<Chunk> {
  const first = await sendChunk(url, FIRST_BYTES)
  if (first.sent.arrival === undefined || first.sent.totalMs >= WANTED_MS) return first
  const factor = Math.ceil(WANTED_MS / Math.max(20, first.sent.totalMs))
  return sendChunk(url, Math.min(MOST_BYTES, FIRST_BYTES * factor))
}

async function sendChunk(url: string, bytes: number): Promise<Chunk> {
  const content = randomBytes(bytes)
  const digest = await sha256(content)
  const sent = await send({
    method: 'PATCH',
    url,
    body: new Blob([content]),
    headers: {
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': '0',
      'Upload-Checksum': `sha256 ${btoa(String.fromCharCode(...digest))}`,
      'Content-Type': 'application/offset+octet-stream',
    },
    timeoutMs: TIMEOUT_MS,
  })
  return { bytes, sha256: hex(digest), sent }
}

function finding({ bytes, sha256: expected, sent }: Chunk, roundMs: number): Finding {
  const { arrival, status } = sent
  const facts: Facts = {
    bytes,
    status,
    'answered after (ms)': Math.round(sent.totalMs),
    'round trip (ms)': Math.round(roundMs),
  }
  if (arrival === undefined)
    return {
      verdict: 'bad',
      text: _('An answer came, but not from the service: it has the status %(status)s.', { status }),
      advice: _(
        'Something on the way refuses uploads. Ask your network administrators to let this site pass.',
      ),
      facts: { ...facts, code: sent.code ?? null },
    }
  Object.assign(facts, arrivalFacts(arrival))
  if (arrival.size !== bytes || arrival.sha256 !== expected)
    return {
      verdict: 'bad',
      text: _('What arrived is not what was sent: something on the way changes it.'),
      advice: _(
        'Uploads notice and try again, but may never get through. Try another network, or turn off what scans your traffic.',
      ),
      facts,
    }
  if (arrival.checksum_matches !== true || arrival.offset !== 0)
    return {
      verdict: 'bad',
      text: _('Something on the way removes headers that uploads need.'),
      advice: _('Ask your network administrators to let this site pass unchanged.'),
      facts,
    }
  const rate = formatRate(bytes, sent.totalMs)
  const underWayMs = sent.totalMs - roundMs
  if (underWayMs >= TELLING_MS && arrival.last_ms < KEPT_BACK * underWayMs)
    return {
      verdict: 'note',
      text: _('It works, at %(rate)s. But something on the way keeps each chunk back until it is whole.', {
        rate,
      }),
      advice: _('Progress is shown too early, and a break costs more. Uploads work all the same.'),
      facts,
    }
  return { verdict: 'good', text: _('It works, at %(rate)s.', { rate }), facts }
}

function arrivalFacts(arrival: Arrival): Facts {
  return {
    'arrived bytes': arrival.size,
    'checksum matches': arrival.checksum_matches,
    'announced bytes': arrival.announced,
    'first byte at the service (ms)': arrival.first_ms,
    'last byte at the service (ms)': arrival.last_ms,
    pieces: arrival.pieces,
  }
}

/** Find out whether it is the method that doesn't get through. */
async function findingWithoutPatch(url: string): Promise<Finding> {
  const sent = await send({
    method: 'POST',
    url,
    body: new Blob([randomBytes(RANDOM_AT_ONCE)]),
    headers: { 'Content-Type': 'application/octet-stream' },
    timeoutMs: TIMEOUT_MS,
  }).catch(() => undefined)
  const posts = sent?.arrival !== undefined
  return {
    verdict: 'bad',
    text: posts
      ? _('Small things get through, a chunk of an upload does not.')
      : _('Nothing that is sent gets through.'),
    advice: _(
      'A firewall or a virus scanner may be in the way. Try another network, or ask Customer Care for a temporary SFTP account.',
    ),
    facts: { PATCH: 'failed', POST: posts ? 'passes' : 'failed' },
  }
}

/** Return bytes that nothing on the way can make smaller. */
function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let start = 0; start < length; start += RANDOM_AT_ONCE)
    crypto.getRandomValues(bytes.subarray(start, start + RANDOM_AT_ONCE))
  return bytes
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // Without TLS browsers offer none of their own.
  if (window.isSecureContext)
    return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  const { createSHA256 } = await import('hash-wasm')
  return (await createSHA256()).update(bytes).digest('binary')
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
