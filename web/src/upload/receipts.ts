// What was sent from this page, with the service's signed word for it: shown, and to be kept.
import { getJson, sendJson } from '../common/api'
import { element } from '../common/dom'
import { formatBytes } from '../common/format'
import { ngettext, _ } from '../common/messages'
import { hex, type CheckedFile } from './checked-files'
import type { Connection } from './connection'

const MOST_ROWS = 500
const AT_ONCE = 2
const TRIES = 5
const RETRY_MS = 2_000

/** What the service has signed, and what that says. */
interface Receipt {
  receipt: { path: string; size: number; sha256: string; received_at: string; verified: boolean }
  jws: string
}

type Outcome = 'verified' | 'here' | 'different' | 'unproven'

/** The receipts of what was sent since the page was opened. */
export class Receipts {
  private readonly kept: Receipt[] = []
  private readonly rows = element('tbody')
  private readonly heading = element('h3')
  private readonly more = element('p', { hidden: true })
  private readonly download: HTMLAnchorElement
  private readonly queue: (() => Promise<void>)[] = []
  private running = 0
  private count = 0
  /** Those that are as they should be, and those that aren't. */
  good = 0
  bad = 0

  constructor(
    private readonly place: HTMLElement,
    private readonly caseNumber: string,
    allUrl: string,
    private readonly connection: Connection,
    private readonly onChange: () => void,
  ) {
    const download = { role: 'button', class: 'small', hidden: true }
    this.download = element('a', download, _('Download the receipts'))
    this.download.addEventListener('click', () => this.save())
    const all = element('a', { href: allUrl }, _('All receipts of this case'))
    this.place.append(
      this.heading,
      element(
        'div',
        { class: 'sent-files', role: 'region', 'aria-label': _('What was sent'), tabindex: '0' },
        element('table', {}, heads(), this.rows),
      ),
      this.more,
      element('p', { class: 'actions' }, this.download, all),
    )
  }

  /** Whether something that was sent isn't compared yet. */
  get isBusy(): boolean {
    return this.running > 0 || this.queue.length > 0
  }

  /** Take note of a file that was here before, as it is. */
  addHeld(path: string, size: number, sha256: string): void {
    this.show(path, size, sha256, 'here')
  }

  /** Have a file that was received compared with what the service says of it. */
  add(file: CheckedFile, path: string, uploadUrl: string): void {
    this.queue.push(() => this.compare(file, path, uploadUrl))
    this.next()
  }

  private next(): void {
    if (this.running >= AT_ONCE) return
    const task = this.queue.shift()
    if (task === undefined) return
    this.running += 1
    void task().finally(() => {
      this.running -= 1
      this.next()
      this.onChange()
    })
  }

  private async compare(file: CheckedFile, path: string, uploadUrl: string): Promise<void> {
    const { size } = file
    let sha256 = ''
    try {
      sha256 = hex(await file.digest())
      const receipt = await this.fetch(uploadUrl)
      const isSame = receipt.receipt.sha256 === sha256 && receipt.receipt.size === size
      // One that was told no digest on its way is told now; another one than its own, never.
      if (isSame && !receipt.receipt.verified) await this.claim(uploadUrl, sha256)
      this.kept.push(receipt)
      const outcome = isSame ? 'verified' : 'different'
      this.show(receipt.receipt.path, size, receipt.receipt.sha256, outcome)
    } catch {
      this.show(path, size, sha256, 'unproven')
    } finally {
      file.close()
    }
  }

  private async fetch(uploadUrl: string): Promise<Receipt> {
    for (let tries = 1; ; tries += 1) {
      await this.connection.ready()
      try {
        return await getJson<Receipt>(`${uploadUrl}/receipt`)
      } catch (error) {
        if (tries === TRIES) throw error
        await new Promise((resolve) => {
          setTimeout(resolve, RETRY_MS)
        })
      }
    }
  }

  private async claim(uploadUrl: string, sha256: string): Promise<void> {
    await sendJson('PUT', `${uploadUrl}/digest`, { sha256 })
  }

  private show(path: string, size: number, sha256: string, outcome: Outcome): void {
    this.count += 1
    if (outcome === 'verified' || outcome === 'here') this.good += 1
    else this.bad += 1
    this.place.hidden = false
    this.heading.textContent = ngettext(
      '%(count)s file is in the case',
      '%(count)s files are in the case',
      this.count,
    )
    this.download.hidden = this.kept.length === 0
    if (this.rows.childElementCount >= MOST_ROWS) {
      const left = this.count - MOST_ROWS
      this.more.hidden = false
      this.more.textContent = ngettext('and %(count)s more', 'and %(count)s more', left)
      return
    }
    this.rows.append(
      element(
        'tr',
        {},
        element('th', { scope: 'row' }, path),
        element('td', {}, badge(outcome)),
        element('td', {}, formatBytes(size)),
        element('td', {}, element('code', {}, sha256)),
      ),
    )
  }

  /** Give the receipts as a file. */
  private save(): void {
    const text = JSON.stringify({ case: this.caseNumber, receipts: this.kept }, null, 2)
    const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
    this.download.href = url
    this.download.download = `receipts-${this.caseNumber}.json`
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }
}

function heads(): HTMLTableSectionElement {
  const titles = [_('File'), _('State'), _('Size'), _('SHA-256')]
  const cells = titles.map((title) => element('th', { scope: 'col' }, title))
  return element('thead', {}, element('tr', {}, ...cells))
}

function badge(outcome: Outcome): HTMLElement {
  const told: Record<Outcome, [kind: string, text: string]> = {
    verified: ['good', _('Received and verified')],
    here: ['good', _('Was here already')],
    different: ['bad', _('Differs from your file')],
    unproven: ['warn', _('Received, not verified')],
  }
  const [kind, text] = told[outcome]
  return element('span', { class: `badge ${kind}` }, text)
}
