// Buttons that copy what stands beside them. They come hidden, and show once they work.

import { announce } from './announcements'
import { copyText } from './clipboard'
import { _ } from './messages'

const SHOWN_MS = 2_000

/** Have each button below `root` that has data-copy copy that text. */
export function enableCopying(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>('button[data-copy]'))
    enableCopy(button, () => button.dataset['copy'] ?? '')
}

/** Show `button`, and have it copy what `text` returns; `onFailure` is called when that fails. */
export function enableCopy(
  button: HTMLButtonElement,
  text: () => string | Promise<string>,
  onFailure?: (error: unknown) => void,
): void {
  const label = button.textContent
  let timer: number | undefined
  button.hidden = false
  button.addEventListener('click', async () => {
    try {
      const copied = await copyText(await text())
      announce(copied ? _('Copied.') : _("The browser doesn't let us copy: select the text."))
      button.textContent = copied ? _('Copied') : label
    } catch (error) {
      if (onFailure === undefined) throw error
      onFailure(error)
      return
    }
    clearTimeout(timer)
    timer = window.setTimeout(() => {
      button.textContent = label
    }, SHOWN_MS)
  })
}
