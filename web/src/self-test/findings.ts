// What a check of the connection finds.

import { formatBytes } from '../common/format'
import { _ } from '../common/messages'

/** `note` is worth knowing and does no harm by itself; `bad` keeps people from their work. */
export type Verdict = 'good' | 'note' | 'bad'

/** For Customer Care: figures by name, in English. */
export type Facts = Record<string, string | number | boolean | null>

export interface Finding {
  verdict: Verdict
  text: string
  /** What to do about it. */
  advice?: string
  /** Commands that find out more where a browser can't. */
  commands?: Command[]
  facts: Facts
}

/** A command, and where it is to be typed. */
export interface Command {
  where: string
  text: string
}

/** Where things are tested: `api` is where the paths for it begin. */
export interface Bench {
  api: string
  /** How fast a chunk was sent; 0 as long as none was. */
  bytesPerMs: number
}

/** One thing that is looked at. */
export interface Check {
  name: string
  title: string
  run: (bench: Bench) => Promise<Finding>
}

/** Return a rate as people read it: 1.23 MB/s. */
export function formatRate(bytes: number, milliseconds: number): string {
  return _('%(size)s/s', { size: formatBytes((bytes * 1000) / Math.max(1, milliseconds)) })
}
