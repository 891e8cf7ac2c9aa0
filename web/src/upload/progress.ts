// How fast it goes, and what a screen reader is told of it: now and then, not all the time.
import { formatBytes, formatDuration } from '../common/format'
import { ngettext, _ } from '../common/messages'

const SMOOTHING = 0.25
const SPOKEN_EVERY_MS = 15_000
const LEAST_SHARE = 10

/** How far all files are together. */
export interface Standing {
  files: number
  complete: number
  bytes: number
  bytesSent: number
  isSending: boolean
  /** Whether there is nobody to send to just now. */
  isWaiting: boolean
}

/** The line below the drop zone, and the one that is only heard. */
export class Pace {
  private rate = 0
  private before: { at: number; bytes: number } | undefined
  private spoken = { at: 0, share: 0 }

  constructor(
    private readonly line: HTMLElement,
    private readonly heard: HTMLElement,
  ) {}

  /** Say something once. */
  say(text: string): void {
    this.heard.textContent = text
  }

  /** Show how it stands; call it once a second. */
  show(standing: Standing): void {
    this.line.hidden = !standing.isSending
    if (!standing.isSending) {
      this.before = undefined
      this.rate = 0
      this.spoken = { at: performance.now(), share: 0 }
      return
    }
    if (standing.isWaiting) {
      this.before = undefined
      this.rate = 0
    } else this.measure(standing)
    const told = this.told(standing)
    this.line.textContent = told
    this.speak(standing, told)
  }

  private measure({ bytesSent }: Standing): void {
    const at = performance.now()
    if (this.before !== undefined) {
      const seconds = (at - this.before.at) / 1000
      // What is gone on with counts as sent all at once, and what failed as taken back.
      const latest = Math.max(0, bytesSent - this.before.bytes) / Math.max(0.1, seconds)
      this.rate = this.rate === 0 ? latest : SMOOTHING * latest + (1 - SMOOTHING) * this.rate
    }
    this.before = { at, bytes: bytesSent }
  }

  private told({ files, complete, bytes, bytesSent }: Standing): string {
    const done = ngettext('%(done)s of %(count)s file', '%(done)s of %(count)s files', files, {
      done: complete,
    })
    const values = { done, sent: formatBytes(bytesSent), size: formatBytes(bytes) }
    if (this.rate < 1) return _('%(done)s · %(sent)s of %(size)s', values)
    return _('%(done)s · %(sent)s of %(size)s · %(rate)s a second · %(left)s left', {
      ...values,
      rate: formatBytes(this.rate),
      left: formatDuration((bytes - bytesSent) / this.rate),
    })
  }

  private speak({ bytes, bytesSent }: Standing, told: string): void {
    const at = performance.now()
    const share = bytes === 0 ? 100 : Math.floor((100 * bytesSent) / bytes)
    const isDue = at - this.spoken.at >= SPOKEN_EVERY_MS
    if (!isDue || share - this.spoken.share < LEAST_SHARE) return
    this.spoken = { at, share }
    this.say(told)
  }
}
