// What the API tells of a case's files and uploads.

export type Direction = 'from_customer' | 'shared_with_customer'

/** A file that the case holds. */
export interface StoredFile {
  id: string
  path: string
  size: number
  sha256: string
  verified: boolean
  claimed_digest: string | null
  direction: Direction
  door: string
  sent_by: string
  created_at: string
}

/** A file on its way in. */
export interface Sending {
  id: string
  path: string
  size: number | null
  offset: number
  interrupted: boolean
  sent_by: string
  door: string
  bytesPerSecond: number | undefined
  seenAt: number
}

/** A page of the list of files. */
export interface Listing {
  files: StoredFile[]
  uploads: {
    id: string
    path: string
    size: number | null
    offset: number
    state: 'receiving' | 'interrupted'
    door: string
    sent_by: string
  }[]
  next: string | null
}

/** Return the folder of a path, empty at the top, and its last part. */
export function splitPath(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)]
}

/** Whether `path` is below `folder`; everything is below the top. */
export function isBelow(path: string, folder: string): boolean {
  return folder === '' || path.startsWith(`${folder}/`)
}
