// What the page asks of the worker that reads and hashes files, and what it answers.

/** Asked of the worker. `open` and `close` have no answer. */
export type Question =
  | { kind: 'open'; file: number; blob: Blob }
  | { kind: 'close'; file: number }
  | { kind: 'chunk'; file: number; call: number; start: number; size: number }
  | { kind: 'digest'; file: number; call: number }

/** The bytes of a chunk, and their SHA-256. */
export interface Chunk {
  bytes: ArrayBuffer
  sha256: Uint8Array<ArrayBuffer>
}

/** Answered by the worker. */
export type Answer =
  | { call: number; chunk: Chunk }
  | { call: number; digest: Uint8Array<ArrayBuffer> }
  | { call: number; failure: string }
