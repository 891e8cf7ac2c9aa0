// How long an account still lives: counted from what the server said, as clocks at home are wrong.

import { found } from '../common/dom'
import { formatDuration } from '../common/format'
import { _ } from '../common/messages'

const SOON_SECONDS = 120
const SOON_EVERY_MS = 1_000
const USUALLY_EVERY_MS = 30_000

/** Show how long the account in `card` still lives, until it is over; then call `onEnd` once. */
export function countDown(card: HTMLElement, onEnd: () => void): void {
  const shown = found<HTMLElement>(card, '[data-part="left"]')
  const secondsAtStart = Number(card.dataset['seconds'])
  const start = Date.now()

  function show(): void {
    if (!card.isConnected) return
    const seconds = secondsAtStart - (Date.now() - start) / 1000
    if (seconds <= 0) {
      onEnd()
      return
    }
    shown.textContent = _('%(time)s left', { time: formatDuration(seconds) })
    card.classList.toggle('ends-soon', seconds < 3600)
    setTimeout(show, seconds < SOON_SECONDS ? SOON_EVERY_MS : USUALLY_EVERY_MS)
  }

  show()
}
