// Who is just sending what, and how far they are.
import { element } from '../common/dom'
import { formatBytes, formatDuration } from '../common/format'
import { _, ngettext } from '../common/messages'
import { doorName } from './cells'
import { splitPath, type Sending } from './entries'

const MOST_SHOWN = 20

interface Line {
  element: HTMLLIElement
  bar: HTMLProgressElement
  name: HTMLElement
  facts: HTMLElement
}

/** Lists the uploads that are under way. */
export class SendingPanel {
  private readonly list = element('ul', { class: 'sending-list' })
  private readonly more = element('p', { class: 'sending-more' })
  private readonly lines = new Map<string, Line>()

  constructor(private readonly panel: HTMLElement) {
    const title = element('h3', {}, _('On their way'))
    panel.append(title, this.list, this.more)
  }

  /** Show `sending`, those that go on first. */
  show(sending: Iterable<Sending>): void {
    const all = [...sending].sort(
      (one, other) => Number(one.interrupted) - Number(other.interrupted),
    )
    this.panel.hidden = all.length === 0
    const shown = all.slice(0, MOST_SHOWN)
    const ids = new Set(shown.map((one) => one.id))
    for (const [id, line] of this.lines) {
      if (ids.has(id)) continue
      line.element.remove()
      this.lines.delete(id)
    }
    for (const one of shown) this.list.append(this.line(one).element)
    const rest = all.length - shown.length
    this.more.hidden = rest === 0
    this.more.textContent = ngettext('and %(count)s more', 'and %(count)s more', rest)
  }

  private line(sending: Sending): Line {
    let line = this.lines.get(sending.id)
    if (line === undefined) {
      line = newLine()
      this.lines.set(sending.id, line)
    }
    const [folder, name] = splitPath(sending.path)
    line.name.textContent = name
    line.name.title = sending.path
    line.bar.setAttribute('aria-label', _('Progress of %(name)s', { name }))
    line.element.classList.toggle('interrupted', sending.interrupted)
    if (sending.size === null) line.bar.removeAttribute('value')
    else line.bar.value = sending.size === 0 ? 1 : sending.offset / sending.size
    line.facts.textContent = [folder === '' ? undefined : `${folder}/`, ...factsOf(sending)]
      .filter((fact) => fact !== undefined)
      .join(' · ')
    return line
  }
}

function newLine(): Line {
  const name = element('strong')
  const facts = element('small')
  const bar = element('progress', { max: '1' })
  return { element: element('li', {}, name, bar, facts), bar, name, facts }
}

function factsOf(sending: Sending): string[] {
  const { size, offset, sent_by: who, door, bytesPerSecond: rate } = sending
  const done = formatBytes(offset)
  const amount =
    size === null ? done : _('%(done)s of %(size)s', { done, size: formatBytes(size) })
  const by = `${who} · ${doorName(door)}`
  if (sending.interrupted) return [amount, by, _('interrupted: its sender can go on')]
  if (rate === undefined) return [amount, by]
  const pace = _('%(size)s a second', { size: formatBytes(rate) })
  if (size === null) return [amount, by, pace]
  const left = _('%(time)s left', { time: formatDuration((size - offset) / rate) })
  return [amount, by, pace, left]
}
