// What the case has already: files, and uploads that can go on.
import { getJson, Problem } from '../common/api'
import type { Connection } from './connection'

const PAGE = 1000
const RETRY_MS = 3_000

/** A file that is here. */
export interface HeldFile {
  path: string
  size: number
  sha256: string
}

/** An upload that isn't a file yet; `size` is null if its sender hasn't told it. */
export interface OpenUpload {
  id: string
  path: string
  size: number | null
  offset: number
  state: 'receiving' | 'interrupted'
  expires_at: string
  sent_by: string
  door: string
  modified_at: string | null
}

interface Page {
  files: HeldFile[]
  uploads: OpenUpload[]
  next: string | null
}

/** The list of a case. */
export class CaseListing {
  constructor(
    private readonly url: string,
    private readonly connection: Connection,
  ) {}

  /** Return the unfinished uploads, whatever it takes to be told. */
  async uploads(): Promise<OpenUpload[]> {
    return (await this.page(`${this.url}?limit=1`)).uploads
  }

  /** Return all files and unfinished uploads. */
  async all(): Promise<{ files: HeldFile[]; uploads: OpenUpload[] }> {
    const first = await this.page(`${this.url}?limit=${PAGE}`)
    const files = [...first.files]
    for (let { next } = first; next !== null; ) {
      const page = await this.page(`${this.url}?limit=${PAGE}&after=${encodeURIComponent(next)}`)
      files.push(...page.files)
      next = page.next
    }
    return { files, uploads: first.uploads }
  }

  private async page(url: string): Promise<Page> {
    for (;;) {
      await this.connection.ready()
      try {
        return await getJson<Page>(url)
      } catch (error) {
        if (error instanceof Problem && error.status === 401) this.connection.signedOut()
        else if (error instanceof Problem && error.status < 500) throw error
        else this.connection.failed()
      }
      await new Promise((resolve) => {
        setTimeout(resolve, RETRY_MS)
      })
    }
  }
}
