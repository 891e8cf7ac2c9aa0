// What can be done with the files that are chosen, together.
import { element } from '../common/dom'
import { formatBytes } from '../common/format'
import { _, ngettext } from '../common/messages'
import type { StoredFile } from './entries'
import { archiveQuery } from './selection'
import { mayRemove, type Settings } from './settings'

/** The line that appears while something is chosen. */
export class ChosenBar {
  readonly element = element('div', { class: 'files-chosen' })
  private readonly count = element('strong')
  private readonly download = element('a', { role: 'button', download: '', class: 'small' })
  private readonly remove = element('button', { type: 'button', class: 'small secondary outline' })
  private chosen: readonly StoredFile[] = []

  constructor(
    private readonly settings: Settings,
    onRemove: (files: readonly StoredFile[]) => void,
    onClear: () => void,
  ) {
    this.remove.textContent = _('Delete')
    this.remove.addEventListener('click', () => onRemove(this.removable()))
    const clear = element('button', { type: 'button', class: 'plain' }, _('Select none'))
    clear.addEventListener('click', onClear)
    this.element.append(this.count, this.download, this.remove, clear)
    this.element.hidden = true
  }

  /** Show what can be done with `chosen` of `all` files. */
  show(chosen: readonly StoredFile[], all: ReadonlyMap<string, StoredFile>): void {
    this.chosen = chosen
    this.element.hidden = chosen.length === 0
    const [first] = chosen
    if (first === undefined) return
    const size = formatBytes(chosen.reduce((sum, file) => sum + file.size, 0))
    this.count.textContent = ngettext(
      '%(count)s file selected (%(size)s)',
      '%(count)s files selected (%(size)s)',
      chosen.length,
      { size },
    )
    const { caseUrl, filesUrl } = this.settings
    const one = chosen.length === 1
    this.download.textContent = one ? _('Download') : _('Download as zip')
    this.download.href = one
      ? `${filesUrl}/${first.id}/content`
      : `${caseUrl}/archive${archiveQuery(chosen, all)}`
    this.remove.hidden = this.removable().length !== chosen.length
  }

  private removable(): StoredFile[] {
    return this.chosen.filter((file) => mayRemove(this.settings, file))
  }
}
