// Lines of a text, in groups of those that follow each other.

import { element } from '../common/dom'
import { _ } from '../common/messages'
import type { Line } from './looks'

/** The part of the page that has the lines. */
export class LinesView {
  private last: HTMLPreElement | null
  private lastNumber: number | null

  constructor(private readonly root: HTMLElement) {
    this.last = root.querySelector<HTMLPreElement>('pre:last-of-type')
    const number = this.last?.querySelector<HTMLElement>('.line:last-child')?.dataset['number']
    this.lastNumber = number === undefined ? null : Number(number)
  }

  /** Remove all lines; `label` says what will come instead. */
  clear(label: string): void {
    this.root.replaceChildren()
    this.root.setAttribute('aria-label', label)
    this.root.scrollTop = 0
    this.root.hidden = true
    this.last = null
    this.lastNumber = null
  }

  /** Add lines behind those that are there. */
  add(lines: readonly Line[]): void {
    for (const line of lines) {
      if (this.last === null || !this.follows(line)) {
        this.last = element('pre', { class: 'lines', dir: 'ltr' })
        this.root.append(this.last)
      }
      this.last.append(lineElement(line))
      this.lastNumber = line.number
    }
    this.root.hidden = this.last === null
  }

  private follows(line: Line): boolean {
    if (line.number === null || this.lastNumber === null) return true
    return line.number - this.lastNumber <= 1
  }
}

function lineElement(line: Line): HTMLElement {
  const shown = element('span', {
    class: 'line',
    'data-number': line.number === null ? undefined : String(line.number),
  })
  line.parts.forEach((part, index) => {
    if (part !== '') shown.append(index % 2 === 1 ? element('mark', {}, part) : part)
  })
  if (line.cut) shown.append(element('span', { class: 'cut', title: _('The line is longer.') }, '…'))
  shown.append('\n')
  return shown
}
