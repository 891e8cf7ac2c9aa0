// What the case holds, as far as this page knows: read once, then kept up by events.
import { getJson } from '../common/api'
import type { CaseEvent } from '../common/case-events'
import type { Direction, Listing, Sending, StoredFile } from './entries'

/** What has changed, for those who show it. */
export interface Change {
  files: boolean
  sending: boolean
  arrived: StoredFile[]
}

const PAGE = 1000
const TOLD_AT_LEAST_MS = 200
const SMOOTHING = 0.3

/** All files and uploads of the case. */
export class Holdings {
  readonly files = new Map<string, StoredFile>()
  readonly sending = new Map<string, Sending>()
  isWhole = false

  private change: Change = nothing()
  /** What events told since the reading began: newer than what is read. */
  private readonly touched = new Set<string>()
  private timer: number | undefined
  private reading: AbortController | undefined
  private wanted: number | undefined

  constructor(
    private readonly listUrl: string,
    private readonly onChange: (change: Change) => void,
  ) {}

  /** Read everything anew; what is known already stays until then. */
  async read(): Promise<void> {
    this.reading?.abort()
    const reading = new AbortController()
    this.reading = reading
    this.touched.clear()
    const seen = new Set<string>()
    let after: string | null = null
    do {
      const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`
      const page: Listing = await getJson(`${this.listUrl}?limit=${PAGE}${query}`, reading.signal)
      if (after === null) this.takeUploads(page)
      for (const file of page.files) {
        seen.add(file.id)
        if (!this.touched.has(file.id)) this.files.set(file.id, file)
      }
      after = page.next
      this.change.files = true
      this.tellSoon()
    } while (after !== null)
    for (const id of this.files.keys())
      if (!seen.has(id) && !this.touched.has(id)) this.files.delete(id)
    this.isWhole = true
    this.tellSoon()
  }

  /** Take note of what has happened. */
  take(event: CaseEvent): void {
    const { kind, data } = event
    if (kind === 'file.received') this.receive(event)
    else if (kind === 'file.removed') this.forget(text(data.file_id))
    else if (kind === 'file.verified') this.update(text(data.file_id), () => VERIFIED)
    else if (kind === 'file.digest-mismatch')
      this.update(text(data.file_id), () => mismatch(text(data.claimed_digest)))
    else if (kind === 'entry.moved') this.move(data)
    else if (kind === 'file.receiving' || kind === 'file.progress') this.send(event, false)
    else if (kind === 'upload.interrupted') this.send(event, true)
    else if (kind === 'upload.abandoned') this.stopSending(text(data.upload_id))
    this.tellSoon()
  }

  /** Forget a file that was just removed from here. */
  forget(id: string): void {
    this.touched.add(id)
    if (this.files.delete(id)) this.change.files = true
    this.tellSoon()
  }

  private receive(event: CaseEvent): void {
    const { data, at } = event
    const file: StoredFile = {
      id: text(data.file_id),
      path: text(data.path),
      size: Number(data.size),
      sha256: text(data.sha256),
      verified: data.verified === true,
      claimed_digest: null,
      direction: text(data.direction) as Direction,
      door: text(data.door),
      sent_by: text(data.sent_by),
      created_at: at,
    }
    if (data.replaced !== undefined) this.forget(text(data.replaced))
    this.stopSending(text(data.upload_id))
    if (!this.files.has(file.id)) this.change.arrived.push(file)
    this.touched.add(file.id)
    this.files.set(file.id, file)
    this.change.files = true
  }

  private update(id: string, changes: (file: StoredFile) => Partial<StoredFile>): void {
    const file = this.files.get(id)
    if (file === undefined) return
    this.touched.add(id)
    this.files.set(id, { ...file, ...changes(file) })
    this.change.files = true
  }

  private move(data: CaseEvent['data']): void {
    const to = text(data.to)
    if (data.file_id !== undefined) this.update(text(data.file_id), () => ({ path: to }))
    else if (data.upload_id !== undefined) this.moveUpload(text(data.upload_id), to)
    else this.moveFolder(text(data.from), to)
  }

  private moveUpload(id: string, to: string): void {
    const upload = this.sending.get(id)
    if (upload === undefined) return
    this.sending.set(id, { ...upload, path: to })
    this.change.sending = true
  }

  private moveFolder(from: string, to: string): void {
    const inside = `${from}/`
    const moved = <T extends { path: string }>(entries: Map<string, T>): boolean => {
      const those = [...entries].filter(([, one]) => one.path.startsWith(inside))
      for (const [id, one] of those)
        entries.set(id, { ...one, path: `${to}/${one.path.slice(inside.length)}` })
      return those.length > 0
    }
    this.change.files = moved(this.files) || this.change.files
    this.change.sending = moved(this.sending) || this.change.sending
  }

  private send({ data }: CaseEvent, interrupted: boolean): void {
    const id = text(data.upload_id)
    const before = this.sending.get(id)
    const now = performance.now()
    const offset = Number(data.offset)
    this.sending.set(id, {
      id,
      path: text(data.path),
      size: typeof data.size === 'number' ? data.size : null,
      offset,
      interrupted,
      sent_by: text(data.sent_by),
      door: text(data.door),
      bytesPerSecond: interrupted ? undefined : rate(before, offset, now),
      seenAt: now,
    })
    this.change.sending = true
  }

  private stopSending(id: string): void {
    if (this.sending.delete(id)) this.change.sending = true
  }

  private takeUploads(page: Listing): void {
    const before = new Map(this.sending)
    this.sending.clear()
    for (const one of page.uploads) {
      const known = before.get(one.id)
      this.sending.set(one.id, {
        id: one.id,
        path: one.path,
        size: one.size,
        offset: one.offset,
        interrupted: one.state === 'interrupted',
        sent_by: one.sent_by,
        door: one.door,
        bytesPerSecond: known?.bytesPerSecond,
        seenAt: performance.now(),
      })
    }
    this.change.sending = true
  }

  /** Tell of changes together: a folder of a thousand files is one change a moment. */
  private tellSoon(): void {
    this.timer ??= window.setTimeout(() => {
      this.timer = undefined
      const change = this.change
      this.change = nothing()
      this.onChange(change)
    }, TOLD_AT_LEAST_MS)
  }

  /** Read again soon, once, however often it is asked for; `onEnd` is told what has failed. */
  readSoon(onEnd: (error?: unknown) => void, inMs = 0): void {
    window.clearTimeout(this.wanted)
    this.wanted = window.setTimeout(() => {
      this.read().then(
        () => onEnd(),
        (error: unknown) => {
          if (!(error instanceof DOMException && error.name === 'AbortError')) onEnd(error)
        },
      )
    }, inMs)
  }
}

const VERIFIED: Partial<StoredFile> = { verified: true, claimed_digest: null }

function mismatch(claimed: string): Partial<StoredFile> {
  return { verified: false, claimed_digest: claimed }
}

function rate(before: Sending | undefined, offset: number, now: number): number | undefined {
  if (before === undefined || before.interrupted || offset <= before.offset) return undefined
  const latest = ((offset - before.offset) * 1000) / Math.max(1, now - before.seenAt)
  if (before.bytesPerSecond === undefined) return latest
  return SMOOTHING * latest + (1 - SMOOTHING) * before.bytesPerSecond
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function nothing(): Change {
  return { files: false, sending: false, arrived: [] }
}
