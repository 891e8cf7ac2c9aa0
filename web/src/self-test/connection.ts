// How the connection looks from the service: encryption, proxies, latency, and whose clock is off.

import { getJson } from '../common/api'
import { formatDuration } from '../common/format'
import { _ } from '../common/messages'
import type { Check, Facts, Finding } from './findings'

/** What the service says of the connection. */
interface Connection {
  now: string
  version: string
  address: string | null
  scheme: string
  http: string
  tls: string | null
  by_proxy: boolean
  traces: string[]
  max_file_bytes: number
}

const LOOKS = 5
const SLOW_MS = 1_000
const CLOCK_SECONDS = 60

interface Looked {
  connection: Connection
  /** The least time that a question and its answer took. */
  roundMs: number
  /** By how much the clock here is ahead of the service's. */
  aheadSeconds: number
}

export const connectionCheck = (): Check => ({
  name: 'connection',
  title: _('Connection'),
  run: async ({ api }) => connectionFinding(await look(api)),
})

export const clockCheck = (): Check => ({
  name: 'clock',
  title: _('Clock'),
  run: async ({ api }) => clockFinding((await look(api)).aheadSeconds),
})

async function look(api: string): Promise<Looked> {
  let best: Looked | undefined
  for (let n = 0; n < LOOKS; n += 1) {
    const began = performance.now()
    const startedAt = Date.now()
    const connection = await getJson<Connection>(api)
    const roundMs = performance.now() - began
    if (best !== undefined && best.roundMs <= roundMs) continue
    const aheadMs = startedAt + roundMs / 2 - Date.parse(connection.now)
    best = { connection, roundMs, aheadSeconds: aheadMs / 1000 }
  }
  if (best === undefined) throw new Error('Nothing was looked at.')
  return best
}

function connectionFinding({ connection, roundMs }: Looked): Finding {
  const isEncrypted = location.protocol === 'https:'
  const between = connection.traces.length > 0 && !connection.by_proxy
  const facts: Facts = {
    service: connection.version,
    page: location.origin,
    'scheme at the service': connection.scheme,
    'HTTP at the browser': protocol(),
    'HTTP at the service': connection.http,
    'TLS at the service': connection.tls,
    'trusted proxy': connection.by_proxy,
    'traces of proxies': connection.traces.join(' ') || 'none',
    'address at the service': connection.address,
    'round trip (ms)': Math.round(roundMs),
  }
  const ms = Math.round(roundMs)
  if (!isEncrypted)
    return {
      verdict: 'note',
      text: _('Nothing encrypts this connection. An answer takes %(ms)s ms.', { ms }),
      advice: _('Use the address that begins with https.'),
      facts,
    }
  if (between)
    return {
      verdict: 'note',
      text: _('It is encrypted, but a proxy that we do not know stands in it. An answer takes %(ms)s ms.', {
        ms,
      }),
      advice: _('If uploads fail, ask your network administrators to let this site pass by it.'),
      facts,
    }
  if (roundMs > SLOW_MS)
    return {
      verdict: 'note',
      text: _('It is encrypted, but slow to answer: %(ms)s ms.', { ms }),
      advice: _('A cable or another network may help. Uploads work all the same.'),
      facts,
    }
  return { verdict: 'good', text: _('It is encrypted, and an answer takes %(ms)s ms.', { ms }), facts }
}

function clockFinding(aheadSeconds: number): Finding {
  const facts = { 'ahead (s)': Math.round(aheadSeconds * 10) / 10 }
  if (Math.abs(aheadSeconds) < CLOCK_SECONDS)
    return { verdict: 'good', text: _('It is right.'), facts }
  const time = formatDuration(Math.abs(aheadSeconds))
  const text =
    aheadSeconds > 0
      ? _('The clock of this computer is %(time)s ahead.', { time })
      : _('The clock of this computer is %(time)s behind.', { time })
  return {
    verdict: 'note',
    text,
    advice: _('Have it set by itself: a wrong clock makes encryption fail sooner or later.'),
    facts,
  }
}

function protocol(): string {
  const [page] = performance.getEntriesByType('navigation')
  return page instanceof PerformanceNavigationTiming ? page.nextHopProtocol : 'unknown'
}
