// The files of the case: shown, kept up to date, and at hand.
import { caseEvents, type CaseEvent, type StreamState } from '../common/case-events'
import { element } from '../common/dom'
import { formatBytes } from '../common/format'
import { _, ngettext } from '../common/messages'
import { problemNotice } from '../common/problems'
import { onSignedIn } from '../common/sessions'
import { Announcements } from './announcements'
import { ChosenBar } from './chosen'
import type { StoredFile } from './entries'
import { FilesTable } from './files-table'
import { Holdings, type Change } from './holdings'
import { confirmRemoval, removeFiles } from './removal'
import { filesInView, LastOrder, rowsOf, topOf, type SortKey, type View } from './rows'
import { Selection } from './selection'
import { SendingPanel } from './sending'
import { settingsOf, type Settings } from './settings'
import { Toolbar } from './toolbar'

const RESET_PATIENCE_MS = 1_500
const RETRY_MS = 10_000
const POLL_MS = 30_000

const DESCENDING_FIRST: ReadonlySet<SortKey> = new Set(['size', 'time'])

/** The section, from the moment that its list is read. */
export class FilesSection {
  private readonly settings: Settings
  private readonly collator = new Intl.Collator(document.documentElement.lang, { numeric: true })
  private readonly order = new LastOrder()
  private readonly selection = new Selection()
  private readonly announcements: Announcements
  private readonly holdings: Holdings
  private readonly toolbar: Toolbar
  private readonly chosen: ChosenBar
  private readonly table: FilesTable
  private readonly sending: SendingPanel | undefined
  private readonly notices = element('div')
  private readonly trouble = element('div')
  private readonly all: HTMLElement | null
  private readonly empty = element('p', { class: 'files-empty' })
  private readonly count = element('span')
  private readonly stream = element('span', { class: 'stream' })
  private streamState: StreamState = 'waiting'
  private isShown = false
  private view: View = {
    folder: '',
    byFolder: true,
    search: '',
    direction: undefined,
    sortBy: 'time',
    descending: true,
  }

  constructor(private readonly section: HTMLElement) {
    this.settings = settingsOf(section)
    const region = element('p', { role: 'status', class: 'visually-hidden' })
    section.append(region)
    this.announcements = new Announcements(region)
    this.holdings = new Holdings(`${this.settings.caseUrl}/files`, (change) => this.take(change))
    this.toolbar = new Toolbar(this.settings.isStaff, (changes) => this.look(changes))
    this.chosen = new ChosenBar(
      this.settings,
      (files) => void this.remove(files),
      () => {
        this.selection.clear()
        this.show()
      },
    )
    this.table = new FilesTable(this.settings, this.selection, this.announcements, this, this.view)
    this.all = section.querySelector('.files-all')
    const panel = section.querySelector<HTMLElement>('.sending')
    this.sending = panel === null ? undefined : new SendingPanel(panel)
  }

  /** Begin to read, and to watch. */
  begin(): void {
    // A stream begins with a reset, which has all read; where none comes, read without.
    this.readSoon(RESET_PATIENCE_MS)
    const events = caseEvents(`${this.settings.caseUrl}/events`)
    events.listen(
      (event) => this.note(event),
      (state) => this.showStream(state),
    )
    onSignedIn(() => events.reopen())
    setInterval(() => {
      if (this.streamState !== 'live' && !document.hidden) this.readSoon()
    }, POLL_MS)
  }

  // ── What the table asks for ────────────────────────────────────────────────────────────────

  sort(key: SortKey): void {
    const again = key === this.view.sortBy
    const descending = again ? !this.view.descending : DESCENDING_FIRST.has(key)
    this.look({ sortBy: key, descending })
  }

  open(folder: string): void {
    this.look({ folder })
    this.table.scroller.focus()
    this.announcements.say(_('Folder %(name)s', { name: folder }))
  }

  choose(files: readonly StoredFile[], chosen: boolean): void {
    this.selection.set(files, chosen)
    this.show()
  }

  async remove(files: readonly StoredFile[]): Promise<void> {
    if (!(await confirmRemoval(files))) return
    const removed = await removeFiles(files, this.settings.filesUrl)
    for (const id of removed.gone) this.holdings.forget(id)
    const count = removed.gone.length
    if (count > 0)
      this.announcements.say(
        ngettext('%(count)s file was deleted.', '%(count)s files were deleted.', count),
      )
    if (removed.failed === 0) this.notices.replaceChildren()
    else this.notices.replaceChildren(problemNotice(removed.problem))
  }

  // ── What happens ───────────────────────────────────────────────────────────────────────────

  private note(event: CaseEvent): void {
    if (event.kind === 'reset') this.readSoon()
    else if (event.kind.startsWith('case.')) this.tellOfCase(event.kind)
    else this.holdings.take(event)
  }

  private readSoon(inMs = 0): void {
    this.holdings.readSoon((error) => {
      this.trouble.replaceChildren()
      if (error === undefined) return
      // What is shown stays; after signing in again the stream begins anew, and so does this.
      this.trouble.append(problemNotice(error))
      this.readSoon(RETRY_MS)
    }, inMs)
  }

  private take(change: Change): void {
    if (change.sending) this.sending?.show(this.holdings.sending.values())
    if (change.files || !this.isShown) this.show()
    if (this.holdings.isWhole) this.announcements.tellArrived(change.arrived)
  }

  private tellOfCase(kind: string): void {
    if (kind === 'case.closed') {
      this.settings.mayRemove = false
      this.show()
    }
    const again = element('a', { href: location.href }, _('Load the page again'))
    const text = _('The status of the case has changed.')
    const notice = element('p', { class: 'notice', role: 'status' }, text, ' ', again)
    this.notices.replaceChildren(notice)
  }

  // ── What is shown ──────────────────────────────────────────────────────────────────────────

  private look(changes: Partial<View>): void {
    const before = this.view
    this.view = { ...before, ...changes }
    if (this.view.direction !== before.direction) this.view.folder = topOf(this.view)
    this.show()
    if ('folder' in changes || 'search' in changes || 'direction' in changes)
      this.table.scrollToTop()
  }

  private show(): void {
    if (!this.holdings.isWhole && this.holdings.files.size === 0) return
    this.takeOver()
    const { files } = this.holdings
    const chosen = this.selection.of(files)
    const arranged = this.order.arrange(files)
    let inView = filesInView(arranged, this.view)
    if (inView.length === 0 && this.view.folder !== topOf(this.view)) {
      // Its last file has gone, and with it the folder.
      this.view.folder = topOf(this.view)
      inView = filesInView(arranged, this.view)
    }
    const rows = rowsOf(inView, this.view, this.collator)
    this.order.note(rows)
    this.toolbar.show(this.view, this.hasFolders(), this.settings.caseNumber)
    this.chosen.show(chosen, files)
    this.table.show(rows, inView, this.view)
    this.showCounts(inView)
  }

  /** Put what works by script in the place of what works without. */
  private takeOver(): void {
    if (this.isShown) return
    this.isShown = true
    this.section.querySelector('.files-plain')?.remove()
    this.section.append(
      this.notices,
      this.trouble,
      this.toolbar.element,
      this.toolbar.path,
      this.chosen.element,
      this.table.scroller,
      this.empty,
      element('p', { class: 'files-footer' }, this.count, this.stream),
    )
    this.section.dataset.ready = ''
  }

  private hasFolders(): boolean {
    for (const file of this.holdings.files.values()) if (file.path.includes('/')) return true
    return false
  }

  private showCounts(inView: readonly StoredFile[]): void {
    const size = formatBytes(inView.reduce((sum, file) => sum + file.size, 0))
    this.count.textContent = ngettext(
      '%(count)s file, %(size)s',
      '%(count)s files, %(size)s',
      inView.length,
      { size },
    )
    const isEmpty = inView.length === 0
    const hasNone = this.holdings.files.size === 0
    this.toolbar.element.hidden = hasNone
    this.count.hidden = hasNone
    if (this.all !== null) this.all.hidden = hasNone
    this.table.scroller.hidden = isEmpty
    this.empty.hidden = !isEmpty
    if (isEmpty) this.showEmpty()
  }

  private showEmpty(): void {
    if (this.view.search === '') {
      this.empty.replaceChildren(_('No files here yet.'))
      return
    }
    const clear = element('button', { type: 'button', class: 'plain' }, _('Clear the search'))
    clear.addEventListener('click', () => this.toolbar.clearSearch())
    this.empty.replaceChildren(_('No file matches.'), ' ', clear)
  }

  private showStream(state: StreamState): void {
    this.streamState = state
    this.stream.className = `stream ${state}`
    this.stream.textContent = {
      live: _('Live'),
      waiting: _('Connecting…'),
      over: _('Not live: load the page again'),
    }[state]
  }
}
