// What the page asks of the worker that reads and hashes files, and what it answers.

/** Asked of the worker. `open` and `close` have no answer. */
export type Question =
  | { kind: 'open'; file: number; blob: Blob }
  | { kind: 'close'; file: number }
  | { kind: 'chunk'; file: number; call: number; start: number; size: number }
  | { kind: 'digest'; file: number; call: number }

/** What a chunk held when it was read. */
export interface Chunk {
  size: number
  crc32c: Uint8Array<ArrayBuffer>
}

/** Answered by the worker. */
export type Answer =
  | { call: number; chunk: Chunk }
  | { call: number; digest: Uint8Array<ArrayBuffer> }
  | { call: number; failure: string }
