// Sends a body, and measures.

import { csrfToken } from '../common/api'

/** How the service says that a body arrived. */
export interface Arrival {
  method: string
  size: number
  sha256: string
  checksum_matches: boolean | null
  offset: number | null
  announced: number | null
  first_ms: number
  last_ms: number
  pieces: number
}

/** An answer, and how long it took to come. */
export interface Sent {
  status: number
  /** The problem's code, of one of ours. */
  code: string | undefined
  arrival: Arrival | undefined
  totalMs: number
}

export interface Sending {
  method: string
  url: string
  body: Blob
  headers?: Record<string, string>
  timeoutMs: number
}

/** Send a body. Rejected when no answer comes: refused on the way, cut, or too slow. */
export function send({ method, url, body, headers, timeoutMs }: Sending): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open(method, url)
    request.timeout = timeoutMs
    request.responseType = 'text'
    const all = { ...headers, 'X-CSRF-Token': csrfToken() ?? '' }
    for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value)
    const began = performance.now()
    request.onload = () => resolve({ ...read(request), totalMs: performance.now() - began })
    request.onerror = () => reject(new Error('The connection was cut.'))
    request.ontimeout = () => reject(new Error('It took too long.'))
    request.send(body)
  })
}

function read(request: XMLHttpRequest): Pick<Sent, 'status' | 'code' | 'arrival'> {
  const said = parsed(request.responseText)
  const code = typeof said['code'] === 'string' ? said['code'] : undefined
  const arrival = typeof said['sha256'] === 'string' ? (said as unknown as Arrival) : undefined
  return { status: request.status, code, arrival }
}

/** Return what an answer says; nothing, where a proxy has answered in its own words. */
function parsed(text: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(text)
    return typeof said === 'object' && said !== null ? { ...said } : {}
  } catch {
    return {}
  }
}
