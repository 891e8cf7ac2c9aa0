// Which rows the table shows: filtered, by folder or all in one list, sorted.
import { isBelow, splitPath, type Direction, type StoredFile } from './entries'

export type SortKey = 'name' | 'size' | 'state' | 'sender' | 'time'

/** What the reader has chosen to see. */
export interface View {
  folder: string
  byFolder: boolean
  search: string
  direction: Direction | undefined
  sortBy: SortKey
  descending: boolean
}

/** A folder, with what all files below it make up together. */
export interface FolderRow {
  kind: 'folder'
  key: string
  path: string
  name: string
  files: StoredFile[]
  size: number
  time: string
}

/** A file. */
export interface FileRow {
  kind: 'file'
  key: string
  folder: string
  name: string
  file: StoredFile
}

export type Row = FolderRow | FileRow

const SHARED_FOLDER = 'shared'

/** What a file's sender said of its content, the worst first. */
export function stateOf(file: StoredFile): 'differs' | 'received' | 'verified' {
  if (file.claimed_digest !== null) return 'differs'
  return file.verified ? 'verified' : 'received'
}

/** Whether folders are shown as rows: a search looks into all of them. */
export function showsFolders(view: View): boolean {
  return view.byFolder && view.search === ''
}

/** Return the folder that the view begins at: what is shared has one of its own. */
export function topOf(view: View): string {
  return view.direction === 'shared_with_customer' ? SHARED_FOLDER : ''
}

/** Return the files that the view has in sight, whatever their folder. */
export function filesInView(files: Iterable<StoredFile>, view: View): StoredFile[] {
  const words = view.search.toLocaleLowerCase().split(/\s+/).filter(Boolean)
  const wanted = (file: StoredFile): boolean => {
    if (view.direction !== undefined && file.direction !== view.direction) return false
    if (words.length === 0) return !view.byFolder || isBelow(file.path, view.folder)
    const said = `${file.path}\n${file.sent_by}\n${file.sha256}`.toLocaleLowerCase()
    return words.every((word) => said.includes(word))
  }
  return [...files].filter(wanted)
}

/** Return the rows of `files`, which are those in view. */
export function rowsOf(files: StoredFile[], view: View, collator: Intl.Collator): Row[] {
  const flat: FileRow[] = []
  const folders = new Map<string, FolderRow>()
  for (const file of files) {
    const [folder, name] = splitPath(file.path)
    if (showsFolders(view) && folder !== view.folder) addTo(folders, file, view.folder)
    else flat.push({ kind: 'file', key: file.id, folder, name, file })
  }
  const sign = view.descending ? -1 : 1
  const byName: Order<Row> = (one, other) => collator.compare(one.name, other.name)
  const sorted = <R extends Row>(rows: R[], order: Order<R>): R[] =>
    rows.sort((one, other) => sign * order(one, other) || compareText(one.name, other.name))
  return [
    ...sorted([...folders.values()], folderOrder(view.sortBy, byName)),
    ...sorted(flat, fileOrder(view.sortBy, byName, collator)),
  ]
}

/** The order of the files as they were shown last: to sort them anew from there is quick. */
export class LastOrder {
  private ids: string[] = []

  /** Return `files`, those that were shown before first, in that order. */
  arrange(files: ReadonlyMap<string, StoredFile>): StoredFile[] {
    const arranged: StoredFile[] = []
    const known = new Set<string>()
    for (const id of this.ids) {
      const file = files.get(id)
      if (file === undefined) continue
      known.add(id)
      arranged.push(file)
    }
    for (const [id, file] of files) if (!known.has(id)) arranged.push(file)
    return arranged
  }

  /** Remember the order of `rows`. */
  note(rows: readonly Row[]): void {
    this.ids = rows.flatMap((row) => (row.kind === 'file' ? [row.key] : []))
  }
}

function addTo(folders: Map<string, FolderRow>, file: StoredFile, at: string): void {
  const start = at === '' ? 0 : at.length + 1
  const path = file.path.slice(0, file.path.indexOf('/', start))
  let row = folders.get(path)
  if (row === undefined) {
    const name = path.slice(start)
    row = { kind: 'folder', key: `folder ${path}`, path, name, files: [], size: 0, time: '' }
    folders.set(path, row)
  }
  row.files.push(file)
  row.size += file.size
  if (file.created_at > row.time) row.time = file.created_at
}

type Order<T> = (one: T, other: T) => number

function folderOrder(key: SortKey, byName: Order<Row>): Order<FolderRow> {
  if (key === 'size') return (one, other) => one.size - other.size
  if (key === 'time') return (one, other) => compareText(one.time, other.time)
  return byName
}

function fileOrder(key: SortKey, byName: Order<Row>, collator: Intl.Collator): Order<FileRow> {
  switch (key) {
    case 'size':
      return (one, other) => one.file.size - other.file.size
    case 'time':
      return (one, other) => compareText(one.file.created_at, other.file.created_at)
    case 'state':
      return (one, other) => compareText(stateOf(one.file), stateOf(other.file))
    case 'sender':
      return (one, other) => collator.compare(one.file.sent_by, other.file.sent_by)
    case 'name':
      return byName
  }
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
