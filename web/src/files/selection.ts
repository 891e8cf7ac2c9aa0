// Which files are chosen, and the one archive that holds them.
import { isBelow, type StoredFile } from './entries'
import { marksQuery } from './marks'

const LONGEST_QUERY = 7000

/** The ids of the files that are chosen. */
export class Selection {
  private readonly ids = new Set<string>()

  get size(): number {
    return this.ids.size
  }

  has(file: StoredFile): boolean {
    return this.ids.has(file.id)
  }

  /** Whether all, some or none of `files` are chosen. */
  extentIn(files: readonly StoredFile[]): 'all' | 'some' | 'none' {
    if (this.ids.size === 0 || files.length === 0) return 'none'
    const count = files.reduce((sum, file) => sum + (this.ids.has(file.id) ? 1 : 0), 0)
    return count === 0 ? 'none' : count === files.length ? 'all' : 'some'
  }

  set(files: readonly StoredFile[], chosen: boolean): void {
    for (const file of files) {
      if (chosen) this.ids.add(file.id)
      else this.ids.delete(file.id)
    }
  }

  clear(): void {
    this.ids.clear()
  }

  /** Return those of `files` that are chosen, and forget what isn't among them any more. */
  of(files: ReadonlyMap<string, StoredFile>): StoredFile[] {
    const chosen: StoredFile[] = []
    for (const id of this.ids) {
      const file = files.get(id)
      if (file === undefined) this.ids.delete(id)
      else chosen.push(file)
    }
    return chosen
  }
}

/** Return the query of the archive that holds `chosen` of `all` files. */
export function archiveQuery(
  chosen: readonly StoredFile[],
  all: ReadonlyMap<string, StoredFile>,
): string {
  const listed = `?files=${chosen.map((file) => file.id).join(',')}`
  if (listed.length <= LONGEST_QUERY) return listed
  return wholeFolder(chosen, all) ?? marksQuery(chosen, all)
}

/** Return the query of the folder whose files `chosen` are, if they are all of one. */
function wholeFolder(
  chosen: readonly StoredFile[],
  all: ReadonlyMap<string, StoredFile>,
): string | undefined {
  if (chosen.length === all.size) return ''
  const folder = commonFolder(chosen)
  if (folder === '') return undefined
  let held = 0
  for (const file of all.values()) if (isBelow(file.path, folder)) held += 1
  return held === chosen.length ? `?path=${encodeURIComponent(folder)}` : undefined
}

function commonFolder(files: readonly StoredFile[]): string {
  let common = files[0]?.path.split('/').slice(0, -1) ?? []
  for (const file of files) {
    const parts = file.path.split('/')
    const differs = common.findIndex((part, index) => parts[index] !== part)
    if (differs >= 0) common = common.slice(0, differs)
  }
  return common.join('/')
}
