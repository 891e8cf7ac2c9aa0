// How much goes into one request: what takes a few seconds. Of a chunk that is cut off nothing
// counts, so slow networks get small ones; fast ones get large ones, as each costs a round trip.

const MIB = 1024 * 1024
const SMALLEST = MIB
export const LARGEST_CHUNK = 64 * MIB
const FIRST = 8 * MIB
const GROWS_BELOW_MS = 3_000 // twice as much then takes no longer than it may
const SHRINKS_ABOVE_MS = 6_000

/** The size of the chunks of all files of a page: they share one network. */
export class ChunkSize {
  bytes = FIRST

  /** Take note of how long a chunk took. */
  took(bytes: number, milliseconds: number): void {
    if (milliseconds > SHRINKS_ABOVE_MS) this.bytes = Math.max(SMALLEST, this.bytes / 2)
    else if (milliseconds < GROWS_BELOW_MS && bytes === this.bytes)
      this.bytes = Math.min(LARGEST_CHUNK, this.bytes * 2)
  }

  /** Take note of a chunk that was cut off. */
  failed(): void {
    this.bytes = Math.max(SMALLEST, this.bytes / 2)
  }
}
