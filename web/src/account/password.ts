// The password of an account: fetched when it is asked for, gone from the page when it is hidden.

import { getJson } from '../common/api'
import { enableCopy } from '../common/copy-buttons'
import { found } from '../common/dom'
import { _ } from '../common/messages'
import { problemNotice } from '../common/problems'

/** Have the buttons of `card` show, hide and copy the password of the account at `url`. */
export function enablePassword(card: HTMLElement, url: string): void {
  const show = card.querySelector<HTMLAnchorElement>('[data-part="show"]')
  if (show === null) return // the page came with it
  const secret = found<HTMLElement>(card, '[data-part="secret"]')
  const place = found<HTMLElement>(card, '[data-part="password"]')

  // The page isn't left for this: files may be on their way.
  const refuse = (error: unknown) => {
    place.querySelector('.problem-notice')?.remove()
    place.append(problemNotice(error))
  }

  async function toggle(): Promise<void> {
    if (show === null) return
    if (!secret.hidden) {
      secret.hidden = true
      secret.textContent = ''
      show.textContent = _('Show')
      show.ariaLabel = _('Show the password')
      return
    }
    secret.textContent = await fetchPassword(url)
    secret.hidden = false
    show.textContent = _('Hide')
    show.ariaLabel = _('Hide the password')
  }

  show.addEventListener('click', (event) => {
    event.preventDefault()
    toggle().catch(refuse)
  })
  show.addEventListener('keydown', (event) => {
    if (event.key !== ' ') return // it is a button to whoever can't see that it is a link
    event.preventDefault()
    show.click()
  })
  const copy = found<HTMLButtonElement>(card, '[data-part="copy-secret"]')
  enableCopy(copy, () => fetchPassword(url), refuse)
}

async function fetchPassword(url: string): Promise<string> {
  const { password } = await getJson<{ password: string | null }>(url)
  return password ?? ''
}
