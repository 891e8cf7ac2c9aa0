// What happens to the case, live. All scripts of a page share one stream: a session has few.

/** What an event says; `number` tells one that comes twice. */
export interface CaseEvent {
  kind: string
  at: string
  number: number | null
  data: Record<string, unknown>
}

/** Whether the stream runs, is being tried again, or was ended by the server for good. */
export type StreamState = 'live' | 'waiting' | 'over'

type Listener = (event: CaseEvent) => void
type StateListener = (state: StreamState) => void

const KINDS = [
  'reset',
  'file.receiving',
  'file.progress',
  'file.received',
  'file.verified',
  'file.digest-mismatch',
  'file.removed',
  'entry.moved',
  'folder.made',
  'folder.removed',
  'upload.interrupted',
  'upload.abandoned',
  'case.moved',
  'case.closed',
  'case.reopened',
  'account.issued',
  'account.reissued',
  'account.ended',
]
const FIRST_WAIT_MS = 2_000
const LONGEST_WAIT_MS = 60_000
const HIDDEN_MS = 5_000

/** One stream of a case's events, begun again after each break, where it stopped. */
class CaseEventStream {
  private readonly listeners = new Set<Listener>()
  private readonly stateListeners = new Set<StateListener>()
  private source: EventSource | undefined
  private lastId: string | undefined
  private waitMs = FIRST_WAIT_MS
  private state: StreamState = 'waiting'
  private hiding: number | undefined

  constructor(private readonly url: string) {
    this.open()
    // A page that comes back from the back/forward cache, or a laptop from its sleep.
    addEventListener('online', () => this.reopen())
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.reopen()
    })
    document.addEventListener('visibilitychange', () => {
      window.clearTimeout(this.hiding)
      if (document.hidden) this.hiding = window.setTimeout(() => this.rest(), HIDDEN_MS)
      else if (this.source === undefined) this.reopen()
    })
  }

  /** Have `listener` told of every event from now on; `reset` means: read all anew. */
  listen(listener: Listener, onState?: StateListener): void {
    this.listeners.add(listener)
    // Who comes late to a stream that runs has missed its beginning, as after a break.
    if (this.lastId !== undefined) {
      const at = new Date().toISOString()
      queueMicrotask(() => listener({ kind: 'reset', at, number: null, data: {} }))
    }
    if (onState === undefined) return
    this.stateListeners.add(onState)
    onState(this.state)
  }

  /** Begin again at once, as after signing in again. */
  reopen(): void {
    if (this.state === 'live') return
    this.waitMs = FIRST_WAIT_MS
    this.open()
  }

  /** Let go while nobody looks: a browser has six connections for all of its windows. */
  private rest(): void {
    this.source?.close()
    this.source = undefined
    this.become('waiting')
  }

  private open(): void {
    this.source?.close()
    const after = this.lastId === undefined ? '' : `?after=${encodeURIComponent(this.lastId)}`
    const source = new EventSource(this.url + after)
    this.source = source
    source.onopen = () => {
      this.waitMs = FIRST_WAIT_MS
      this.become('live')
    }
    source.onerror = () => {
      this.become('waiting')
      // The browser tries again by itself, unless it was refused: as when a session is over.
      if (source.readyState === EventSource.CLOSED) this.openLater(source)
    }
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.tell(kind, event))
    source.addEventListener('end', (event) => this.end(source, event))
  }

  private openLater(refused: EventSource): void {
    setTimeout(() => {
      if (this.source === refused && this.state !== 'live') this.open()
    }, this.waitMs)
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS)
  }

  private tell(kind: string, event: MessageEvent<string>): void {
    if (event.lastEventId !== '') this.lastId = event.lastEventId
    const said = JSON.parse(event.data) as Omit<CaseEvent, 'kind'>
    for (const listener of this.listeners) listener({ ...said, kind })
  }

  private end(source: EventSource, event: MessageEvent<string>): void {
    const { reason } = JSON.parse(event.data) as { reason: string }
    // A service that stops is one that starts again; the browser comes back by itself.
    if (reason === 'stopping') return
    source.close()
    this.become('over')
    this.openLater(source)
  }

  private become(state: StreamState): void {
    if (state === this.state) return
    this.state = state
    for (const listener of this.stateListeners) listener(state)
  }
}

export type { CaseEventStream }

const streams = new Map<string, CaseEventStream>()

/** Return the stream of the events at `url`, the same for all scripts of the page. */
export function caseEvents(url: string): CaseEventStream {
  const known = streams.get(url)
  if (known !== undefined) return known
  const stream = new CaseEventStream(url)
  streams.set(url, stream)
  return stream
}
