// A table of any length that has only the rows in sight in the document. Whoever reads it by ear
// is told its true length and each row's place in it.
import { element } from '../common/dom'

const OVERSCAN = 8
const GUESSED_ROW_PX = 56

/** A row, as far as the table needs to know; the same `signature` looks the same. */
export interface Drawn<R> {
  key(row: R): string
  signature(row: R): string
  draw(row: R): HTMLTableRowElement
}

interface Shown {
  signature: string
  element: HTMLTableRowElement
}

/** The body of a table within an element that scrolls. */
export class WindowedTable<R> {
  private readonly before = spacer()
  private readonly body = document.createElement('tbody')
  private readonly after = spacer()
  private rows: readonly R[] = []
  private shown = new Map<string, Shown>()
  private rowPx = GUESSED_ROW_PX
  private isMeasured = false
  private frame: number | undefined

  constructor(
    private readonly scroller: HTMLElement,
    private readonly table: HTMLTableElement,
    private readonly drawn: Drawn<R>,
  ) {
    table.append(this.before, this.body, this.after)
    scroller.addEventListener('scroll', () => this.renderSoon(), { passive: true })
    new ResizeObserver(() => {
      this.isMeasured = false
      this.renderSoon()
    }).observe(scroller)
    this.body.addEventListener('keydown', (event) => this.walk(event))
  }

  /** Show `rows`; those that look the same stay as they are, with the focus. */
  show(rows: readonly R[]): void {
    this.rows = rows
    this.table.setAttribute('aria-rowcount', String(rows.length + 1))
    this.render()
  }

  /** Go back to the first row. */
  scrollToTop(): void {
    this.scroller.scrollTop = 0
  }

  private renderSoon(): void {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined
      this.render()
    })
  }

  private render(): void {
    const [first, end] = this.inSight()
    this.place(first, end)
    if (!this.isMeasured && this.measure()) this.place(...this.inSight())
  }

  private inSight(): [first: number, end: number] {
    const top = Math.floor(this.scroller.scrollTop / this.rowPx)
    const count = Math.ceil(this.scroller.clientHeight / this.rowPx)
    const first = Math.max(0, Math.min(top - OVERSCAN, this.rows.length - 1))
    return [first, Math.min(this.rows.length, top + count + OVERSCAN)]
  }

  private place(first: number, end: number): void {
    const focus = focusIn(this.body)
    const shown = new Map<string, Shown>()
    const elements: HTMLTableRowElement[] = []
    for (const [index, row] of this.rows.slice(first, end).entries()) {
      const one = this.draw(row)
      one.element.setAttribute('aria-rowindex', String(first + index + 2))
      shown.set(this.drawn.key(row), one)
      elements.push(one.element)
    }
    this.shown = shown
    arrange(this.body, elements)
    setHeight(this.before, first * this.rowPx)
    setHeight(this.after, (this.rows.length - end) * this.rowPx)
    if (focus !== undefined) this.restore(focus)
  }

  private draw(row: R): Shown {
    const key = this.drawn.key(row)
    const signature = this.drawn.signature(row)
    const before = this.shown.get(key)
    if (before?.signature === signature) return before
    const drawn = this.drawn.draw(row)
    drawn.dataset.key = key
    return { signature, element: drawn }
  }

  /** Learn how high a row is; true if that is news. Asking is dear: it is done once a width. */
  private measure(): boolean {
    const height = this.body.rows[0]?.getBoundingClientRect().height ?? 0
    this.isMeasured = height > 0
    if (height === 0 || Math.abs(height - this.rowPx) < 0.5) return false
    this.rowPx = height
    return true
  }

  private restore({ key, control }: Focus): void {
    if (this.body.contains(document.activeElement)) return
    const row = this.shown.get(key)?.element
    // A row that has left the sight can't keep the focus; the table does, and can be scrolled.
    const target = row === undefined ? this.scroller : controlOf(row, control)
    target?.focus({ preventScroll: true })
  }

  /** Go to the same control of another row by the arrow keys. */
  private walk(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const focus = focusIn(this.body)
    if (step === undefined || focus === undefined || event.altKey || event.ctrlKey) return
    const at = this.rows.findIndex((row) => this.drawn.key(row) === focus.key)
    const next = this.rows[at + step]
    if (at < 0 || next === undefined) return
    event.preventDefault()
    this.reveal(at + step)
    const row = this.shown.get(this.drawn.key(next))?.element
    if (row !== undefined) controlOf(row, focus.control)?.focus()
  }

  private reveal(index: number): void {
    const head = this.table.tHead?.offsetHeight ?? 0
    const top = index * this.rowPx
    const scroller = this.scroller
    const room = scroller.clientHeight - head
    if (top < scroller.scrollTop) scroller.scrollTop = top
    else if (top + this.rowPx > scroller.scrollTop + room)
      scroller.scrollTop = top + this.rowPx - room
    this.render()
  }
}

interface Focus {
  key: string
  control: string
}

/** Return which control of which row has the focus; controls are told by `data-control`. */
function focusIn(body: HTMLElement): Focus | undefined {
  const active = document.activeElement
  if (!(active instanceof HTMLElement) || !body.contains(active)) return undefined
  const key = active.closest('tr')?.dataset.key
  const control = active.dataset.control
  return key === undefined || control === undefined ? undefined : { key, control }
}

function controlOf(row: HTMLElement, control: string): HTMLElement | null {
  const same = row.querySelector<HTMLElement>(`[data-control="${control}"]`)
  return same ?? row.querySelector<HTMLElement>('[data-control]')
}

/** Make `elements` the children of `body`, moving as little as possible: a move loses the focus. */
function arrange(body: HTMLElement, elements: readonly HTMLElement[]): void {
  const kept = new Set<Element>(elements)
  const old = [...body.children].filter((child) => !kept.has(child))
  if (old.length === body.children.length) {
    body.replaceChildren(...elements)
    return
  }
  for (const child of old) child.remove()
  let next = body.firstElementChild
  for (const one of elements) {
    if (one === next) next = next.nextElementSibling
    else body.insertBefore(one, next)
  }
}

function spacer(): HTMLTableSectionElement {
  return element('tbody', { 'aria-hidden': 'true', class: 'spacer' })
}

function setHeight(space: HTMLTableSectionElement, px: number): void {
  if (px <= 0) {
    space.replaceChildren()
    return
  }
  const row = space.rows[0] ?? space.insertRow()
  const cell = row.cells[0] ?? row.insertCell() // one: more would take the columns' room
  cell.style.height = `${px}px`
}
