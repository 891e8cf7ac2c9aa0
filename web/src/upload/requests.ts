// How tus-js-client sends: with the checksum of each chunk, with the digest of the whole file on
// the last one, and only while there is somebody to talk to. What a broken network or an expired
// session answers never reaches it, as it would take that for a lost upload and begin anew.
import type { HttpRequest, HttpResponse, HttpStack } from 'tus-js-client'
import { csrfToken } from '../common/api'
import { base64, type CheckedFile } from './checked-files'
import type { ChunkSize } from './chunk-sizes'
import type { Connection } from './connection'

const ANSWER_MS = 60_000
/** A last chunk is answered when all of the file is put together and checked. */
const FINISH_MS = 600_000
const EMPTY = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
const WAITS = [408, 425, 429]

/** What is known of a file's way so far. */
export interface Journey {
  file: CheckedFile
  /** Whether a creation was sent whose answer never came: the upload may be there. */
  isUnsure: boolean
  /** Whether it was begun anew once, as what arrived wasn't the file. */
  isRestarted: boolean
}

/** What the requests of all files share. */
export interface Way {
  connection: Connection
  chunkSize: ChunkSize
  /** Return the URL of the upload that a creation has begun, if it has. */
  findBegun: (journey: Journey) => Promise<string | undefined>
}

/** No answer that tus-js-client could do anything with: it is sent again. */
class NoAnswer extends Error {}

/** Makes the requests of one file. */
export class CheckedStack implements HttpStack {
  constructor(
    readonly journey: Journey,
    private readonly way: Way,
  ) {}

  createRequest(method: string, url: string): HttpRequest {
    return new CheckedRequest(method, url, this.journey, this.way)
  }

  getName(): string {
    return 'CheckedStack'
  }
}

class CheckedRequest implements HttpRequest {
  private readonly xhr = new XMLHttpRequest()
  private readonly headers = new Map<string, string>()
  private onProgress: (bytesSent: number) => void = () => undefined
  private isAborted = false

  constructor(
    private readonly method: string,
    private readonly url: string,
    private readonly journey: Journey,
    private readonly way: Way,
  ) {}

  getMethod(): string {
    return this.method
  }

  getURL(): string {
    return this.url
  }

  setHeader(name: string, value: string): void {
    this.headers.set(name, value)
  }

  getHeader(name: string): string | undefined {
    return this.headers.get(name)
  }

  setProgressHandler(handler: (bytesSent: number) => void): void {
    this.onProgress = handler
  }

  getUnderlyingObject(): XMLHttpRequest {
    return this.xhr
  }

  /** Stop; `send` then never comes to an end, as somebody may have begun again meanwhile. */
  abort(): Promise<void> {
    this.isAborted = true
    this.xhr.abort()
    return Promise.resolve()
  }

  async send(body: unknown): Promise<HttpResponse> {
    await this.unlessAborted(this.way.connection.ready())
    if (this.method === 'POST' && this.journey.isUnsure) {
      const begun = await this.unlessAborted(this.way.findBegun(this.journey))
      if (begun !== undefined) return new Begun(begun, this.xhr)
    }
    const bytes = body instanceof Blob ? await this.unlessAborted(this.chunk(body.size)) : null
    if (this.method === 'POST' && this.headers.get('Upload-Length') === '0')
      this.headers.set('Repr-Digest', `sha-256=:${EMPTY}:`)
    const began = performance.now()
    try {
      const answer = await this.unlessAborted(this.exchange(bytes))
      if (bytes !== null) this.way.chunkSize.took(bytes.size, performance.now() - began)
      return answer
    } catch (error) {
      if (this.method === 'POST') this.journey.isUnsure = true
      if (bytes !== null) this.way.chunkSize.failed()
      throw error
    }
  }

  /** Return what is sent of the bytes that are offered; the answer then says how much it was. */
  private async chunk(offered: number): Promise<Blob> {
    const { file } = this.journey
    const start = Number(this.headers.get('Upload-Offset'))
    const wanted = Math.min(offered, this.way.chunkSize.bytes)
    const { size, crc32c } = await file.chunk(start, wanted)
    const end = start + size
    this.headers.set('Upload-Checksum', `crc32c ${base64(crc32c)}`)
    if (end < file.size) file.readAhead(end, Math.min(file.size - end, this.way.chunkSize.bytes))
    else this.headers.set('Repr-Digest', `sha-256=:${base64(await file.digest())}:`)
    return file.blob.slice(start, end)
  }

  private exchange(bytes: Blob | null): Promise<HttpResponse> {
    const { xhr } = this
    xhr.open(this.method, this.url)
    for (const [name, value] of this.headers) xhr.setRequestHeader(name, value)
    const token = csrfToken()
    if (token !== undefined && this.method !== 'HEAD') xhr.setRequestHeader('X-CSRF-Token', token)
    return new Promise((resolve, reject) => {
      const fail = () => {
        this.way.connection.failed()
        reject(new NoAnswer())
      }
      const alarm = new Alarm(() => {
        xhr.abort()
        fail()
      })
      xhr.upload.addEventListener('progress', (event) => {
        const isLast = event.loaded === event.total && this.headers.has('Repr-Digest')
        alarm.set(isLast ? FINISH_MS : ANSWER_MS)
        this.onProgress(event.loaded)
      })
      xhr.addEventListener('loadend', () => alarm.stop())
      xhr.addEventListener('error', fail)
      xhr.addEventListener('load', () => {
        if (this.isAnswer()) resolve(new Answered(xhr))
        else reject(new NoAnswer())
      })
      alarm.set(ANSWER_MS)
      xhr.send(bytes)
    })
  }

  /** Whether it is an answer about the upload, rather than one about the way to it. */
  private isAnswer(): boolean {
    const { connection } = this.way
    const { status } = this.xhr
    if (status === 401) connection.signedOut()
    else if (status === 403 && problemCode(this.xhr.responseText) === 'csrf') connection.renew()
    else if (status === 502 || status === 503 || status === 504) connection.failed()
    // To any other answer but the offset, tus-js-client would begin a new upload.
    else return this.method !== 'HEAD' || (status < 500 && !WAITS.includes(status))
    return false
  }

  /** Return what `task` comes to, or never anything once the request is aborted. */
  private async unlessAborted<T>(task: Promise<T>): Promise<T> {
    try {
      const result = await task
      if (!this.isAborted) return result
    } catch (error) {
      if (!this.isAborted) throw error
    }
    return new Promise(() => undefined)
  }
}

/** Goes off unless it is set anew or stopped: networks may fall silent without a word. */
class Alarm {
  private timer: number | undefined

  constructor(private readonly ring: () => void) {}

  set(milliseconds: number): void {
    this.stop()
    this.timer = window.setTimeout(this.ring, milliseconds)
  }

  stop(): void {
    window.clearTimeout(this.timer)
  }
}

class Answered implements HttpResponse {
  constructor(private readonly xhr: XMLHttpRequest) {}

  getStatus(): number {
    return this.xhr.status
  }

  getHeader(name: string): string | undefined {
    return this.xhr.getResponseHeader(name) ?? undefined
  }

  getBody(): string {
    return this.xhr.responseText
  }

  getUnderlyingObject(): XMLHttpRequest {
    return this.xhr
  }
}

/** The answer to a creation that came to nothing, as far as we saw, and has begun an upload. */
class Begun implements HttpResponse {
  constructor(
    private readonly url: string,
    private readonly xhr: XMLHttpRequest,
  ) {}

  getStatus(): number {
    return 201
  }

  getHeader(name: string): string | undefined {
    return name.toLowerCase() === 'location' ? this.url : undefined
  }

  getBody(): string {
    return ''
  }

  getUnderlyingObject(): XMLHttpRequest {
    return this.xhr
  }
}

/** Return the code of a problem, if that is what the body of an answer is. */
export function problemCode(body: string): string | undefined {
  try {
    const { code } = JSON.parse(body) as { code?: unknown }
    return typeof code === 'string' ? code : undefined
  } catch {
    return undefined
  }
}
