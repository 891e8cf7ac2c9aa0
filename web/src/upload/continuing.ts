// Which files were begun before, by whatever browser or client: the server's list tells, and no
// trace of them is kept here. A wrong guess does no harm, as the digest of the whole file decides.
import { hex, type CheckedFile } from './checked-files'
import type { CaseListing, HeldFile, OpenUpload } from './listing'

const LOOKS = 3
const LOOK_MS = 2_000

/** A file as it was dropped. */
export interface Dropped {
  /** Its path in the case, folders and all. */
  path: string
  modifiedMs: number | undefined
  file: CheckedFile
}

/** What is there of a dropped file already. */
export type Found = { kind: 'nothing' } | { kind: 'begun'; url: string } | { kind: 'here' }

/** Finds what was sent of files that are dropped again. */
export class Continuing {
  /** Uploads that files of this page are sent to. */
  private readonly taken = new Set<string>()

  constructor(
    private readonly listing: CaseListing,
    private readonly uploadUrl: string,
    private readonly sender: string,
  ) {}

  /** Return what is there of each of `dropped`, in their order. */
  async find(dropped: readonly Dropped[]): Promise<Found[]> {
    const { files, uploads } = await this.listing.all()
    const held = new Map(files.map((file) => [key(file.path, file.size), file]))
    const left = await this.leftOf(dropped, uploads)
    const found: Found[] = []
    for (const one of dropped) found.push(await this.findOne(one, held, left))
    return found
  }

  /** Return the URL of an upload of `dropped` that was begun just now, if there is one. */
  async findBegun(dropped: Dropped): Promise<string | undefined> {
    return this.take(matching(dropped, await this.listing.uploads(), this.taken)[0])
  }

  /** Leave an upload to others: its file isn't sent from here any more. */
  letGo(url: string): void {
    this.taken.delete(idOf(url))
  }

  private async findOne(
    dropped: Dropped,
    held: ReadonlyMap<string, HeldFile>,
    uploads: readonly OpenUpload[],
  ): Promise<Found> {
    const same = held.get(key(dropped.path, dropped.file.size))
    if (same !== undefined && hex(await dropped.file.digest()) === same.sha256)
      return { kind: 'here' }
    const url = this.take(matching(dropped, uploads, this.taken)[0])
    return url === undefined ? { kind: 'nothing' } : { kind: 'begun', url }
  }

  /** Return the uploads that nobody else is just sending: two would cut each other off for ever. */
  private async leftOf(
    dropped: readonly Dropped[],
    uploads: readonly OpenUpload[],
  ): Promise<OpenUpload[]> {
    const wanted = new Set(dropped.flatMap((one) => matching(one, uploads, this.taken)))
    const isDoubtful = (one: OpenUpload) =>
      one.sent_by !== this.sender && one.state === 'receiving' && wanted.has(one)
    const doubtful = new Map(uploads.filter(isDoubtful).map((one) => [one.id, one]))
    const busy = new Set<string>()
    for (let look = 0; look < LOOKS && doubtful.size > 0; look += 1) {
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_MS)
      })
      const now = new Map((await this.listing.uploads()).map((one) => [one.id, one]))
      for (const [id, before] of doubtful) {
        const standing = now.get(id)
        if (standing?.offset !== before.offset) busy.add(id)
        if (busy.has(id) || standing?.state === 'interrupted') doubtful.delete(id)
      }
    }
    return uploads.filter((one) => !busy.has(one.id))
  }

  private take(upload: OpenUpload | undefined): string | undefined {
    if (upload === undefined) return undefined
    this.taken.add(upload.id)
    return new URL(this.uploadUrl + upload.id, location.href).href
  }
}

/** Return the uploads that may be of `dropped`, those first that have come farthest. */
function matching(
  dropped: Dropped,
  uploads: readonly OpenUpload[],
  taken: ReadonlySet<string>,
): OpenUpload[] {
  return uploads
    .filter(
      (one) =>
        !taken.has(one.id) &&
        one.size === dropped.file.size &&
        one.path.normalize() === dropped.path.normalize() &&
        isSameTime(one.modified_at, dropped.modifiedMs),
    )
    .sort((one, other) => other.offset - one.offset)
}

/** Whether two times are of the same second: not every sender tells more, and some tell none. */
function isSameTime(told: string | null, modifiedMs: number | undefined): boolean {
  if (told === null || modifiedMs === undefined) return true
  return Math.abs(Date.parse(told) - modifiedMs) < 1000
}

function key(path: string, size: number): string {
  return `${size} ${path.normalize()}`
}

function idOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1)
}
