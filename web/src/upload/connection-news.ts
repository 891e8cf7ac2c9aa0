// What people see while there is nobody to talk to: why, and what to do, if anything.
import { element } from '../common/dom'
import { _ } from '../common/messages'
import type { Standing } from './connection'


/** Show in `place` how the connection stands; nothing while it is open. */
export function showConnection(place: HTMLElement, standing: Standing, signInUrl: string): void {
  place.replaceChildren()
  if (standing === 'open') return
  const notice = element('div', { class: 'notice warn' })
  notice.append(...told(standing, signInUrl))
  place.append(notice)
}

function told(standing: Exclude<Standing, 'open'>, signInUrl: string): HTMLElement[] {
  if (standing === 'offline')
    return [
      title(_('You are offline.')),
      text(_('What was sent already is safe. It goes on by itself when the network is back.')),
    ]
  if (standing === 'unreachable')
    return [
      title(_("The service can't be reached just now.")),
      text(_('What was sent already is safe. We keep trying, and it goes on by itself.')),
    ]
  if (standing === 'other')
    return [
      title(_('You are signed in to another case.')),
      text(
        _('Open this case from the portal in another window: sending then goes on here by itself.'),
      ),
    ]
  return [
    title(_('Your session has ended.')),
    text(
      _('Nothing is lost. Sign in again in another window: sending then goes on here by itself.'),
    ),
    element(
      'p',
      { class: 'actions' },
      element(
        'a',
        { href: signInUrl, target: '_blank', role: 'button', class: 'small' },
        _('Sign in again'),
      ),
    ),
  ]
}

function title(text: string): HTMLElement {
  return element('p', {}, element('strong', {}, text))
}

function text(text: string): HTMLElement {
  return element('p', {}, text)
}
