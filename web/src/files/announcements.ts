// What is said to those who don't see it: a sentence now and then, never one for each file.
import { _, ngettext } from '../common/messages'
import { splitPath, type StoredFile } from './entries'

const PATIENCE_MS = 4_000

/** Says things in a live region, those of the same kind together. */
export class Announcements {
  private arrived: StoredFile[] = []
  private timer: number | undefined

  constructor(private readonly region: HTMLElement) {}

  /** Say something at once. */
  say(text: string): void {
    // The same words twice would be said once.
    this.region.replaceChildren()
    requestAnimationFrame(() => this.region.replaceChildren(text))
  }

  /** Say soon that files have arrived. */
  tellArrived(files: readonly StoredFile[]): void {
    if (files.length === 0) return
    this.arrived.push(...files)
    this.timer ??= window.setTimeout(() => {
      this.timer = undefined
      this.say(textOf(this.arrived))
      this.arrived = []
    }, PATIENCE_MS)
  }
}

function textOf(files: readonly StoredFile[]): string {
  const [first] = files
  if (files.length === 1 && first !== undefined)
    return _('%(name)s has arrived.', { name: splitPath(first.path)[1] })
  return ngettext('%(count)s file has arrived.', '%(count)s files have arrived.', files.length)
}
