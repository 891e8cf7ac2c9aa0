// Uploads that were interrupted: what there is of them, to be gone on with or discarded.
import { request } from '../common/api'
import { caseEvents } from '../common/case-events'
import { element } from '../common/dom'
import { formatBytes } from '../common/format'
import { ngettext, _ } from '../common/messages'
import { problemNotice } from '../common/problems'
import { ask } from '../common/questions'
import type { CaseListing, OpenUpload } from './listing'

const SOON_MS = 700
/** While much happens, the list is read now and then only. */
const BUSY_MS = 5_000
/** A sender who was cut off without a trace is taken for one after a minute: no event tells. */
const LATER_MS = 30_000
const TOLD_OF = new Set([
  'reset',
  'file.received',
  'upload.interrupted',
  'upload.abandoned',
  'entry.moved',
])

/** The list of those that nobody is just sending. */
export class Unfinished {
  private readonly list = element('ul', { class: 'unfinished' })
  private readonly heading = element('h3')
  private readonly news = element('div')
  private shown: readonly OpenUpload[] = []
  private readonly items = new Map<string, HTMLLIElement>()
  private timer: number | undefined
  private readAt = -BUSY_MS
  private isReading = false
  private isWanted = false

  constructor(
    private readonly place: HTMLElement,
    private readonly listing: CaseListing,
    private readonly uploadUrl: string,
    eventsUrl: string,
    private readonly isOurs: (id: string) => boolean,
  ) {
    const advice = _(
      'Drop the same files again, here or in any other browser: they go on where they stopped.',
    )
    this.place.append(this.heading, element('p', {}, advice), this.news, this.list)
    caseEvents(eventsUrl).listen((event) => {
      if (TOLD_OF.has(event.kind)) this.refreshSoon()
    })
    this.refreshSoon()
  }

  /** Read the list again soon, once for all that happens until then. */
  refreshSoon(): void {
    const isBusy = performance.now() - this.readAt < BUSY_MS
    this.timer ??= window.setTimeout(
      () => {
        this.timer = undefined
        void this.refresh()
      },
      isBusy ? BUSY_MS : SOON_MS,
    )
  }

  private async refresh(): Promise<void> {
    this.isWanted = this.isReading
    if (this.isReading) return
    this.isReading = true
    this.readAt = performance.now()
    try {
      const uploads = await this.listing.uploads()
      this.show(uploads.filter((one) => !this.isOurs(one.id)))
    } catch {
      // The case isn't to be seen any more: other parts of the page tell.
    } finally {
      this.isReading = false
      if (this.isWanted) this.refreshSoon()
    }
  }

  private show(uploads: readonly OpenUpload[]): void {
    this.shown = uploads
    const left = uploads.filter((one) => one.state === 'interrupted')
    if (left.length < uploads.length) setTimeout(() => this.refreshSoon(), LATER_MS)
    this.place.hidden = left.length === 0
    this.heading.textContent = ngettext(
      '%(count)s interrupted upload',
      '%(count)s interrupted uploads',
      left.length,
    )
    const before = new Map(this.items)
    this.items.clear()
    for (const one of left) {
      const key = JSON.stringify(one)
      this.items.set(key, before.get(key) ?? this.item(one))
    }
    // What has not changed stays as it is: somebody may just be about to use it.
    for (const [key, item] of before) if (!this.items.has(key)) item.remove()
    for (const item of this.items.values()) if (!item.isConnected) this.list.append(item)
  }

  private item(upload: OpenUpload): HTMLLIElement {
    const size = upload.size ?? 0
    const told =
      upload.size === null
        ? _('%(offset)s received', { offset: formatBytes(upload.offset) })
        : _('%(offset)s of %(size)s received', {
            offset: formatBytes(upload.offset),
            size: formatBytes(size),
          })
    const item = element(
      'li',
      {},
      element('strong', {}, upload.path),
      element('progress', {
        value: String(upload.offset),
        max: String(Math.max(1, size)),
        'aria-label': told,
      }),
      element(
        'ul',
        {},
        element('li', {}, told),
        element('li', {}, _('begun by %(name)s', { name: upload.sent_by })),
        element('li', {}, _('kept until %(time)s', { time: localTime(upload.expires_at) })),
        ...(upload.door === 'sftp'
          ? [element('li', {}, _('to go on: resume it with an SFTP client, in the same place'))]
          : []),
      ),
    )
    item.append(this.discardButton(upload))
    return item
  }

  private discardButton(upload: OpenUpload): HTMLButtonElement {
    const button = element(
      'button',
      { type: 'button', class: 'outline secondary small' },
      _('Discard'),
      element('span', { class: 'visually-hidden' }, ` ${upload.path}`),
    )
    button.addEventListener('click', () => void this.discard(upload))
    return button
  }

  private async discard(upload: OpenUpload): Promise<void> {
    const isSure = await ask({
      question: _('Discard this upload?'),
      note: _('What was received of %(path)s will be deleted for good.', { path: upload.path }),
      yes: _('Discard'),
      no: _('Keep'),
    })
    if (!isSure) return
    this.news.replaceChildren()
    try {
      await request(this.uploadUrl + upload.id, { method: 'DELETE' })
      this.show(this.shown.filter((one) => one.id !== upload.id))
    } catch (error) {
      this.news.replaceChildren(problemNotice(error))
    }
    this.refreshSoon()
  }
}

function localTime(text: string): string {
  const format = { dateStyle: 'medium', timeStyle: 'short' } as const
  return new Intl.DateTimeFormat(document.documentElement.lang, format).format(new Date(text))
}
