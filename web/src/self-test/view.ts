// The checks as a list that fills as they are done.

import { enableCopying } from '../common/copy-buttons'
import { element } from '../common/dom'
import { _ } from '../common/messages'
import type { Command, Finding, Verdict } from './findings'

const LOOKS: Record<Verdict, string> = { good: 'good', note: 'warn', bad: 'bad' }

/** One check's line in the list. */
export class CheckLine {
  readonly item: HTMLLIElement
  private readonly word: HTMLElement
  private readonly body: HTMLElement

  constructor(title: string) {
    this.word = element('span', { class: 'badge quiet' }, _('Waiting'))
    this.body = element('div')
    this.item = element(
      'li',
      {},
      element('p', {}, element('strong', {}, title), ' ', this.word),
      this.body,
    )
  }

  /** Show that it is being looked at. */
  begin(): void {
    this.item.setAttribute('aria-busy', 'true')
    this.word.textContent = _('Testing …')
  }

  /** Show what was found. */
  end(finding: Finding): void {
    this.item.removeAttribute('aria-busy')
    this.item.className = finding.verdict
    this.word.className = `badge ${LOOKS[finding.verdict]}`
    this.word.textContent = wordOf(finding.verdict)
    this.body.replaceChildren(element('p', {}, finding.text))
    if (finding.advice !== undefined) this.body.append(element('p', {}, finding.advice))
    for (const command of finding.commands ?? []) this.body.append(commandLine(command))
    enableCopying(this.body)
  }
}

function wordOf(verdict: Verdict): string {
  if (verdict === 'good') return _('Good')
  return verdict === 'note' ? _('Note') : _('Problem')
}

function commandLine({ where, text }: Command): HTMLElement {
  return element(
    'div',
    { class: 'command' },
    element('span', {}, where),
    element('code', {}, text),
    element(
      'button',
      {
        type: 'button',
        class: 'small outline',
        'data-copy': text,
        'aria-label': _('Copy the command %(command)s', { command: text }),
        hidden: true,
      },
      _('Copy'),
    ),
  )
}
