// Requests to our own API: same origin, with the session's token, errors as problems.

/** An answer that refuses, as RFC 9457 has it; `code` is what to decide by. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly requestId: string | undefined,
    readonly body: Record<string, unknown>,
  ) {
    super(detail)
  }
}

/** The token that goes with every request that changes something; none without a session. */
export function csrfToken(): string | undefined {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content
}

/** Keep the token of a new session, after signing in again beside an open page. */
export function keepCsrfToken(token: string): void {
  let meta = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')
  if (meta === null) {
    meta = document.createElement('meta')
    meta.name = 'csrf-token'
    document.head.append(meta)
  }
  meta.content = token
}

/** Send a request and return its answer; a refusal is thrown as a `Problem`. */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('Accept', headers.get('Accept') ?? 'application/json')
  const token = csrfToken()
  if (token !== undefined && init.method !== undefined && init.method !== 'GET')
    headers.set('X-CSRF-Token', token)
  const answer = await fetch(url, { ...init, headers, credentials: 'same-origin' })
  if (!answer.ok) throw await problemOf(answer)
  return answer
}

/** GET `url` and return its JSON. */
export async function getJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  const answer = await request(url, signal === undefined ? {} : { signal })
  return (await answer.json()) as T
}

/** Send `body` as JSON and return the answer. */
export function sendJson(method: string, url: string, body: unknown): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' }
  return request(url, { method, headers, body: JSON.stringify(body) })
}

/** Return what a refusal says, as far as it can be read. */
export async function problemOf(answer: Response): Promise<Problem> {
  const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>
  const text = (name: string) => (typeof body[name] === 'string' ? body[name] : undefined)
  return new Problem(
    answer.status,
    text('code') ?? 'unknown',
    text('detail') ?? answer.statusText,
    text('request_id') ?? answer.headers.get('X-Request-Id') ?? undefined,
    body,
  )
}
