// A choice of thousands of files in few characters: a bit for each file of the case, by id, and a
// checksum of all ids, so that the server tells when the case holds others by now.
import type { StoredFile } from './entries'

const POLYNOMIAL = 0xedb88320

/** Return the choice as the archive's parameters `chosen` and `until` have it. */
export function marksQuery(
  chosen: readonly StoredFile[],
  all: ReadonlyMap<string, StoredFile>,
): string {
  const ids = [...all.keys()].sort(byCodeUnits)
  const wanted = new Set(chosen.map((file) => file.id))
  const bits = new Uint8Array(Math.ceil(ids.length / 8))
  for (const [index, id] of ids.entries())
    if (wanted.has(id)) bits[index >> 3] = (bits[index >> 3] ?? 0) | (0x80 >> (index & 7))
  const checksum = crc32(new TextEncoder().encode(ids.join('\n')))
  const marks = `${checksum.toString(16).padStart(8, '0')}.${base64url(bits)}`
  return `?chosen=${marks}&until=${encodeURIComponent(latest(all.values()))}`
}

/** Return the CRC-32 of `data`, as zip and Ethernet have it. */
function crc32(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

function base64url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Return the time of the latest of `files`, as exact as the server tells it. */
function latest(files: Iterable<StoredFile>): string {
  let last = ''
  for (const { created_at: at } of files) if (last === '' || exact(at) > exact(last)) last = at
  return last
}

/** Return a time with all six digits of its fraction, so that texts compare like times. */
function exact(at: string): string {
  const [seconds = '', fraction = ''] = at.replace('Z', '').split('.')
  return `${seconds}.${fraction.padEnd(6, '0')}`
}

function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
