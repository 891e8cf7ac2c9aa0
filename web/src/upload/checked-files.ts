// Files that are read by a worker: chunks with their digests, and the digest of the whole.
import type { Answer, Chunk, Question } from './reading'

const MOST_WORKERS = 2

/** The file on the disk can't be read any more: it was changed, moved or deleted. */
export class UnreadableFile extends Error {}

/** The browser doesn't run the worker that reads files. */
export class BrokenReader extends Error {}

type Settle = { resolve: (answer: Answer) => void; reject: (error: Error) => void }

/** One worker, and what it was asked for and hasn't answered yet. */
class Reader {
  private readonly worker = new Worker(new URL('./reader.worker.ts', import.meta.url), {
    type: 'module',
  })
  private readonly waiting = new Map<number, Settle>()
  private calls = 0
  private isBroken = false
  files = 0

  constructor() {
    this.worker.addEventListener('message', (event: MessageEvent<Answer>) => {
      const settle = this.waiting.get(event.data.call)
      this.waiting.delete(event.data.call)
      settle?.resolve(event.data)
    })
    this.worker.addEventListener('error', () => {
      this.isBroken = true
      for (const one of this.waiting.values()) one.reject(new BrokenReader())
      this.waiting.clear()
    })
  }

  tell(question: Question): void {
    this.worker.postMessage(question)
  }

  ask(make: (call: number) => Question): Promise<Answer> {
    const call = (this.calls += 1)
    if (this.isBroken) return Promise.reject(new BrokenReader())
    return new Promise((resolve, reject) => {
      this.waiting.set(call, { resolve, reject })
      this.worker.postMessage(make(call))
    })
  }
}

const readers: Reader[] = []
let opened = 0

/** Return the worker that has the least to do; the first ones are started when they are needed. */
function leastBusy(): Reader {
  const idle = readers.find((one) => one.files === 0)
  if (idle !== undefined) return idle
  if (readers.length < MOST_WORKERS) {
    const reader = new Reader()
    readers.push(reader)
    return reader
  }
  return readers.reduce((least, one) => (one.files < least.files ? one : least))
}

interface Ahead {
  start: number
  chunk: Promise<Chunk>
}

/** A file that is being sent. Nothing of it is read before it is asked for. */
export class CheckedFile {
  private readonly id = (opened += 1)
  private reader: Reader | undefined
  private ahead: Ahead | undefined
  private whole: Promise<Uint8Array<ArrayBuffer>> | undefined

  constructor(readonly blob: Blob) {}

  get size(): number {
    return this.blob.size
  }

  /** Return the checksum of `size` bytes from `start`, or of what was read ahead from there. */
  async chunk(start: number, size: number): Promise<Chunk> {
    const { ahead } = this
    this.ahead = undefined
    return ahead?.start === start ? ahead.chunk : this.read(start, size)
  }

  /** Read what will be asked for next while something else is being sent. */
  readAhead(start: number, size: number): void {
    const chunk = this.read(start, size)
    chunk.catch(() => undefined) // told to whoever asks for it
    this.ahead = { start, chunk }
  }

  /** Return the SHA-256 of the whole file; what was sent from its beginning isn't read again. */
  digest(): Promise<Uint8Array<ArrayBuffer>> {
    this.whole ??= this.readWhole()
    this.whole.catch(() => {
      this.whole = undefined // to be asked for again
    })
    return this.whole
  }

  /** Let go of what is kept for this file. */
  close(): void {
    this.ahead = undefined
    if (this.reader === undefined) return
    this.reader.tell({ kind: 'close', file: this.id })
    this.reader.files -= 1
    this.reader = undefined
  }

  private async read(start: number, size: number): Promise<Chunk> {
    const file = this.id
    const answer = await this.open().ask((call) => ({ kind: 'chunk', file, call, start, size }))
    if ('chunk' in answer) return answer.chunk
    throw unreadable(answer)
  }

  private async readWhole(): Promise<Uint8Array<ArrayBuffer>> {
    const file = this.id
    const answer = await this.open().ask((call) => ({ kind: 'digest', file, call }))
    if ('digest' in answer) return answer.digest
    throw unreadable(answer)
  }

  private open(): Reader {
    if (this.reader !== undefined) return this.reader
    const reader = leastBusy()
    reader.files += 1
    reader.tell({ kind: 'open', file: this.id, blob: this.blob })
    this.reader = reader
    return reader
  }
}

function unreadable(answer: Answer): UnreadableFile {
  return new UnreadableFile('failure' in answer ? answer.failure : 'no answer')
}

/** Return a digest as the header fields of HTTP and tus have it. */
export function base64(digest: Uint8Array): string {
  return btoa(String.fromCharCode(...digest))
}

/** Return a digest as people and the API write it. */
export function hex(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
