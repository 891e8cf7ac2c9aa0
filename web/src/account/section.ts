// The section of a case's SFTP accounts: it follows what is issued and what ends.

import { announce } from '../common/announcements'
import { type CaseEvent, caseEvents } from '../common/case-events'
import { enableCopying } from '../common/copy-buttons'
import { datum, found } from '../common/dom'
import { _ } from '../common/messages'
import { showLocalTimes } from '../common/times'
import { countDown } from './countdown'
import { enablePassword } from './password'

const TELLING = new Set([
  'account.issued',
  'account.reissued',
  'account.ended',
  'case.closed',
  'case.reopened',
])
const TRIES = 3
const BETWEEN_TRIES_MS = 5_000

/** The section as it stands on the page. */
export class AccountsSection {
  private readonly api: string
  private readonly page: string

  constructor(private readonly root: HTMLElement) {
    this.api = datum(root, 'api')
    this.page = datum(root, 'page')
    enliven(root)
    for (const card of cards(root)) this.enlivenCard(card)
    caseEvents(`${this.api}/events`).listen((event) => this.take(event))
  }

  private take(event: CaseEvent): void {
    // The first reset too: something may have happened between the page and the stream.
    if (event.kind === 'reset' || TELLING.has(event.kind)) void this.refresh()
  }

  private enlivenCard(card: HTMLElement): void {
    enablePassword(card, `${this.api}/sftp-accounts/${datum(card, 'account')}`)
    countDown(card, () => {
      this.drop([card])
      announce(_('An SFTP account has ended.'))
      void this.refresh()
    })
  }

  /** Bring the section to what the server shows now; what stays is left alone. */
  private async refresh(tries = TRIES): Promise<void> {
    const fresh = await fetchSection(this.page, this.root.id)
    if (fresh === undefined) {
      // After the last try it is the stream's next beginning that brings us here again.
      if (tries > 1) setTimeout(() => void this.refresh(tries - 1), BETWEEN_TRIES_MS)
      return
    }
    const valid = issues(fresh)
    const over = cards(this.root).filter((card) => !valid.has(issue(card)))
    const here = issues(this.root)
    const issued = cards(fresh).filter((card) => !here.has(issue(card)))
    this.root.hidden = fresh.hidden
    this.replaceIssue(found<HTMLElement>(fresh, '[data-part="issue"]'))
    this.showUse(fresh)
    this.drop(over)
    this.add(issued)
    if (issued.length > 0) announce(_('An SFTP account was issued.'))
    else if (over.length > 0) announce(_('An SFTP account has ended.'))
  }

  /** Tell how the accounts were used by now. */
  private showUse(fresh: HTMLElement): void {
    const uses = new Map(cards(fresh).map((card) => [issue(card), use(card)]))
    for (const card of cards(this.root)) {
      const now = uses.get(issue(card))?.cloneNode(true)
      if (!(now instanceof HTMLElement)) continue
      const adopted = document.adoptNode(now)
      showLocalTimes(adopted)
      use(card).replaceWith(adopted)
    }
  }

  private drop(over: HTMLElement[]): void {
    for (const card of over) {
      const hadFocus = card.contains(document.activeElement)
      card.remove()
      if (hadFocus) found<HTMLElement>(this.root, 'h2').focus()
    }
  }

  private add(issued: HTMLElement[]): void {
    const list = found<HTMLElement>(this.root, '[data-part="accounts"]')
    for (const card of issued.reverse()) {
      const adopted = document.adoptNode(card)
      showLocalTimes(adopted)
      list.prepend(adopted)
      enliven(adopted)
      this.enlivenCard(adopted)
    }
  }

  private replaceIssue(fresh: HTMLElement): void {
    const old = found<HTMLElement>(this.root, '[data-part="issue"]')
    if (old.childElementCount === fresh.childElementCount) return
    const adopted = document.adoptNode(fresh)
    old.replaceWith(adopted)
    enliven(adopted)
  }
}

async function fetchSection(page: string, id: string): Promise<HTMLElement | undefined> {
  try {
    const answer = await fetch(page, { headers: { Accept: 'text/html' } })
    if (!answer.ok) return undefined
    const parsed = new DOMParser().parseFromString(await answer.text(), 'text/html')
    return parsed.getElementById(id) ?? undefined
  } catch {
    return undefined
  }
}

/** Have what every card and form needs work, below `part`. */
function enliven(part: ParentNode): void {
  enableCopying(part)
  for (const form of part.querySelectorAll<HTMLFormElement>('form[data-once]')) sendOnce(form)
}

function sendOnce(form: HTMLFormElement): void {
  const button = found<HTMLButtonElement>(form, 'button')
  // A page that comes back from the browser's cache comes back with its buttons as they were.
  addEventListener('pageshow', () => button.removeAttribute('aria-busy'))
  form.addEventListener('submit', (event) => {
    if (button.getAttribute('aria-busy') === 'true') event.preventDefault()
    button.setAttribute('aria-busy', 'true')
  })
}

function cards(part: ParentNode): HTMLElement[] {
  return [...part.querySelectorAll<HTMLElement>('[data-account]')]
}

/** What tells a card from every other, also from that of the same account issued again. */
function issue(card: HTMLElement): string {
  return `${datum(card, 'account')} ${datum(card, 'issue')}`
}

function issues(part: ParentNode): Set<string> {
  return new Set(cards(part).map(issue))
}

function use(card: HTMLElement): HTMLElement {
  return found<HTMLElement>(card, '[data-part="use"]')
}
