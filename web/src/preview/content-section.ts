// The content of a file: its lines, more of them on demand, and a search that can be stopped.

import { datum, element, found } from '../common/dom'
import { _, ngettext } from '../common/messages'
import { problemNotice } from '../common/problems'
import { LinesView } from './lines-view'
import { look, type Look } from './looks'

const LINES = '500'
const MATCHES = '100'
const MATCHES_AT_A_TIME = 1_000

/** What is being looked for; none, and it is the text itself. */
type Search = Record<string, string> | undefined

/** Brings the section to life. */
export class ContentSection {
  private readonly api: string
  private readonly page: string
  private readonly form: HTMLFormElement
  private readonly view: LinesView
  private readonly state: HTMLElement
  private readonly bar: HTMLProgressElement
  private readonly result: HTMLElement
  private readonly notices: HTMLElement
  private readonly more: HTMLElement
  private running: AbortController | undefined
  private search: Search
  private matches = 0

  constructor(private readonly root: HTMLElement) {
    this.api = datum(root, 'api')
    this.page = datum(root, 'page')
    this.form = found(root, '.text-search')
    this.view = new LinesView(found(root, '.text-view'))
    this.state = found(root, '.search-state')
    this.bar = found(this.state, 'progress')
    this.result = found(root, '.search-result')
    this.notices = found(root, '.text-notices')
    this.more = found(root, '.text-more')
    this.search = this.asked()
    this.matches = root.querySelectorAll('.line:has(mark)').length
  }

  /** Have its controls work without another page. */
  enable(): void {
    this.form.addEventListener('submit', (event) => {
      const search = this.asked()
      if (search === undefined) return // only the encoding: that is another page
      event.preventDefault()
      void this.begin(search)
    })
    found(this.state, '.search-stop').addEventListener('click', () => this.running?.abort())
    this.more.addEventListener('click', (event) => {
      const link = (event.target as Element).closest<HTMLAnchorElement>('a[data-after]')
      if (link === null) return
      event.preventDefault()
      const after = datum(link, 'after')
      void (this.search === undefined ? this.showMore(after) : this.go(this.search, after))
    })
    this.enableWrapping()
    const view = found<HTMLElement>(this.root, '.text-view')
    if ('atEnd' in view.dataset) view.scrollTop = view.scrollHeight
  }

  private enableWrapping(): void {
    const label = found<HTMLElement>(this.root, '.wrap')
    const box = found<HTMLInputElement>(label, 'input')
    const view = found(this.root, '.text-view')
    label.hidden = false
    const apply = () => view.classList.toggle('wrapped', box.checked)
    box.addEventListener('change', apply)
    apply()
  }

  private asked(): Search {
    const fields = new FormData(this.form)
    const find = String(fields.get('find') ?? '')
    if (find === '') return undefined
    const encoding = String(fields.get('encoding') ?? '')
    return {
      find,
      match_case: fields.has('match_case') ? '1' : '0',
      ...(encoding === '' ? {} : { encoding }),
    }
  }

  /** Begin a search from the beginning of the text. */
  private async begin(search: Record<string, string>): Promise<void> {
    this.running?.abort()
    this.search = search
    this.matches = 0
    this.view.clear(_('Lines found'))
    this.result.textContent = ''
    for (const link of this.root.querySelectorAll('.text-parts [aria-current]'))
      link.removeAttribute('aria-current')
    history.replaceState(null, '', `${this.page}?${new URLSearchParams(search).toString()}`)
    await this.go(search, null)
  }

  /** Search on, from `after`, until there is enough to look at or nothing more. */
  private async go(search: Record<string, string>, after: string | null): Promise<void> {
    const running = this.begun()
    const enough = this.matches + MATCHES_AT_A_TIME
    this.bar.value = 0
    this.state.hidden = false
    let next = after
    try {
      do {
        const parameters = { ...search, limit: MATCHES, ...(next === null ? {} : { after: next }) }
        const piece = await look(`${this.api}/search`, parameters, running.signal)
        this.show(piece)
        next = piece.next
      } while (next !== null && this.matches < enough)
      this.tellResult(next !== null)
    } catch (error) {
      if (this.running !== running) return // another search has begun
      this.tellEnd(error, next ?? '')
    }
    this.state.hidden = true
    this.offerMore(next, _('Search on'))
  }

  private async showMore(after: string): Promise<void> {
    const running = this.begun()
    const encoding = String(new FormData(this.form).get('encoding') ?? '')
    const parameters = { limit: LINES, after, ...(encoding === '' ? {} : { encoding }) }
    let next: string | null = after
    try {
      const piece = await look(`${this.api}/preview`, parameters, running.signal)
      this.show(piece)
      next = piece.next
      const count = piece.lines.length
      this.result.textContent = ngettext('%(count)s more line.', '%(count)s more lines.', count)
    } catch (error) {
      if (this.running !== running) return
      this.notices.replaceChildren(problemNotice(error))
    }
    this.offerMore(next, _('More lines'))
  }

  private begun(): AbortController {
    this.running?.abort()
    this.running = new AbortController()
    this.notices.replaceChildren()
    this.more.hidden = true
    return this.running
  }

  private show(piece: Look): void {
    this.view.add(piece.lines)
    this.matches += piece.lines.filter((line) => line.parts.length > 1).length
    this.bar.value = piece.size === 0 ? 1 : piece.read / piece.size
    found(this.state, '.search-progress').textContent = this.counted()
    if (piece.damaged)
      this.warn(
        _(
          'The compressed file is damaged, or its end is missing: nothing behind this can be read.',
        ),
      )
    if (piece.out_of_reach)
      this.warn(
        _(
          'The rest is too far behind the beginning of this compressed file to be shown here: download it.',
        ),
      )
  }

  private warn(text: string): void {
    this.notices.replaceChildren(element('p', { class: 'notice warn' }, text))
  }

  private counted(): string {
    return ngettext('%(count)s line found.', '%(count)s lines found.', this.matches)
  }

  private tellResult(isMore: boolean): void {
    if (this.matches === 0) this.result.textContent = _('Nothing found.')
    else
      this.result.textContent = isMore
        ? _('%(found)s There may be more.', { found: this.counted() })
        : this.counted()
  }

  private tellEnd(error: unknown, place: string): void {
    if (error instanceof DOMException && error.name === 'AbortError') {
      this.result.textContent =
        place === '' ? _('Stopped.') : _('Stopped. %(found)s', { found: this.counted() })
      return
    }
    this.result.textContent = ''
    this.notices.replaceChildren(problemNotice(error))
  }

  private offerMore(next: string | null, label: string): void {
    this.more.hidden = next === null
    if (next === null) return
    const query = new URLSearchParams({ ...this.search, after: next })
    this.more.replaceChildren(
      element(
        'a',
        {
          role: 'button',
          class: 'small outline',
          rel: 'next',
          href: `${this.page}?${query.toString()}#content`,
          'data-after': next,
        },
        label,
      ),
    )
  }
}
