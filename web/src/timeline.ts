// The timeline of a case, read anew when something has happened.
import { request } from './common/api'
import { caseEvents } from './common/case-events'
import { datum, found } from './common/dom'
import { showLocalTimes } from './common/times'

const APART_MS = 1_500

/** Shows the latest; what somebody has opened or stands in stays as it is until they leave it. */
class LiveTimeline {
  private due = false
  private timer: number | undefined

  constructor(private section: HTMLElement) {}

  begin(): void {
    caseEvents(datum(this.section, 'events')).listen(({ kind, number }) => {
      // The stream begins with a reset: something may have happened since the page was made.
      if (number !== null || kind === 'reset') this.wait()
    })
    document.addEventListener('focusout', () => this.wait(this.due))
    document.addEventListener('toggle', () => this.wait(this.due), { capture: true })
  }

  // Many files that come at once are shown together.
  private wait(isDue = true): void {
    if (!isDue) return
    this.due = true
    this.timer ??= setTimeout(() => void this.show(), APART_MS)
  }

  private async show(): Promise<void> {
    this.timer = undefined
    if (this.isRead()) return
    this.due = false
    try {
      const answer = await request(datum(this.section, 'latest'), {
        headers: { Accept: 'text/html' },
      })
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const latest = document.importNode(found<HTMLElement>(page, '#timeline'), true)
      showLocalTimes(latest)
      if (this.section.isEqualNode(latest)) return
      if (this.isRead()) return this.wait()
      this.section.replaceWith(latest)
      this.section = latest
    } catch {
      this.due = true // signed out, or offline: with the next event
    }
  }

  private isRead(): boolean {
    return (
      this.section.contains(document.activeElement) ||
      this.section.querySelector('details[open]') !== null
    )
  }
}

new LiveTimeline(found(document, '#timeline')).begin()
