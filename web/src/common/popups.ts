// In a window that the portal has opened for us there is a way to close it.

import { element } from './dom'
import { loadMessages, _ } from './messages'

/** Whether this window was opened as one of its own: it then has no menus. */
export function isPopup(): boolean {
  return window.opener !== null || !window.menubar.visible
}

/** Mark the page, and show the button that closes its window. */
export function behaveInPopup(): void {
  if (!isPopup()) return
  document.documentElement.classList.add('popup')
  const button = document.querySelector<HTMLButtonElement>('#close-window')
  if (button === null) return
  button.hidden = false
  button.addEventListener('click', () => void close(button))
}

/** Close the window, or say that its reader may: browsers let scripts close only some. */
async function close(button: HTMLButtonElement): Promise<void> {
  window.close()
  await loadMessages()
  button.replaceWith(element('p', { role: 'status' }, _('You can close this window now.')))
}
