// Reads files piece by piece, away from the page: each piece is read once, for its checksum and
// into the whole file's SHA-256. The browser reads it a second time to send it: should the file
// have changed between the two, the server finds another checksum and takes nothing.
import { createCRC32, createSHA256 } from 'hash-wasm'
import type { Answer, Chunk, Question } from './reading'

const STEP_BYTES = 4 * 1024 * 1024
const CASTAGNOLI = 0x82f63b78 // the polynomial of CRC-32C, reversed

type Hasher = Awaited<ReturnType<typeof createSHA256>>
type Digest = Uint8Array<ArrayBuffer>

/** One file on its way. Whatever is asked of it is done in order. */
class Reading {
  private turn: Promise<unknown> = Promise.resolve()
  private hasher: Hasher | undefined
  private hashedTo = 0
  private whole: Digest | undefined
  private rest: Promise<void> | undefined

  constructor(private readonly blob: Blob) {}

  chunk(start: number, size: number): Promise<Chunk> {
    return this.inTurn(async () => {
      const bytes = await this.blob.slice(start, start + size).arrayBuffer()
      const crc32c = await crc32cOf(bytes)
      if (size === this.blob.size) this.whole = await sha256Of(bytes)
      else await this.note(start, bytes)
      return { size: bytes.byteLength, crc32c }
    })
  }

  async digest(): Promise<Digest> {
    await this.turn.catch(() => undefined)
    if (this.whole === undefined) {
      this.rest ??= this.hashRest()
      await this.rest
    }
    if (this.whole === undefined) throw new Error('The file was not read to its end.')
    return this.whole
  }

  /** Hash what has come on, or begin to catch up if it comes from the middle of the file. */
  private async note(start: number, bytes: ArrayBuffer): Promise<void> {
    if (this.rest !== undefined) return
    const known = this.hashedTo - start
    if (known < 0) {
      this.rest = this.hashRest()
      this.rest.catch(() => undefined) // whoever asks for the digest is told
      return
    }
    if (known < bytes.byteLength) await this.add(new Uint8Array(bytes, known))
  }

  /** Hash on to the end, reading the next piece while one is hashed. */
  private async hashRest(): Promise<void> {
    const read = (at: number) => this.blob.slice(at, at + STEP_BYTES).arrayBuffer()
    let next = read(this.hashedTo)
    while (this.hashedTo < this.blob.size) {
      const bytes = await next
      next = read(this.hashedTo + bytes.byteLength)
      next.catch(() => undefined) // it is awaited in the next round, if there is one
      await this.add(new Uint8Array(bytes))
    }
    if (this.blob.size === 0) await this.add(new Uint8Array())
  }

  private async add(bytes: Uint8Array): Promise<void> {
    this.hasher ??= (await createSHA256()).init()
    this.hasher.update(bytes)
    this.hashedTo += bytes.byteLength
    if (this.hashedTo === this.blob.size) this.whole = new Uint8Array(this.hasher.digest('binary'))
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.turn.then(task, task)
    this.turn = result.catch(() => undefined)
    return result
  }
}

async function crc32cOf(bytes: ArrayBuffer): Promise<Digest> {
  const hasher = await createCRC32(CASTAGNOLI)
  return new Uint8Array(hasher.init().update(new Uint8Array(bytes)).digest('binary'))
}

/** Return the SHA-256 of `bytes`; browsers have their own, faster one only under TLS. */
async function sha256Of(bytes: ArrayBuffer): Promise<Digest> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle as SubtleCrypto | undefined
  if (subtle !== undefined) return new Uint8Array(await subtle.digest('SHA-256', bytes))
  const hasher = await createSHA256()
  return new Uint8Array(hasher.init().update(new Uint8Array(bytes)).digest('binary'))
}

const readings = new Map<number, Reading>()

function reply(answer: Answer): void {
  self.postMessage(answer)
}

async function answer(asked: Question): Promise<void> {
  if (asked.kind === 'open') {
    readings.set(asked.file, new Reading(asked.blob))
    return
  }
  if (asked.kind === 'close') {
    readings.delete(asked.file)
    return
  }
  const { call } = asked
  try {
    const reading = readings.get(asked.file)
    if (reading === undefined) throw new Error('The file is closed.')
    if (asked.kind === 'digest') {
      reply({ call, digest: await reading.digest() })
      return
    }
    const chunk = await reading.chunk(asked.start, asked.size)
    reply({ call, chunk })
  } catch (error) {
    reply({ call, failure: error instanceof Error ? error.name : 'Error' })
  }
}

self.addEventListener('message', (event: MessageEvent<Question>) => void answer(event.data))
