// The table of files and folders: its columns, its rows, and what is done from them.
import { element } from '../common/dom'
import { formatBytes } from '../common/format'
import { _ } from '../common/messages'
import type { Announcements } from './announcements'
import * as cells from './cells'
import type { StoredFile } from './entries'
import { icon } from './icons'
import { showsFolders, stateOf, type Row, type SortKey, type View } from './rows'
import type { Selection } from './selection'
import { mayRemove, type Settings } from './settings'
import { WindowedTable } from './windowed-table'

/** What the table asks of whoever shows it. */
export interface TableActions {
  sort(key: SortKey): void
  open(folder: string): void
  choose(files: readonly StoredFile[], chosen: boolean): void
  remove(files: readonly StoredFile[]): void
}

interface Column {
  name: string
  title: string
  sortKey?: SortKey
}

/** Shows rows. */
export class FilesTable {
  readonly scroller = element('div', { class: 'files-scroller', tabindex: '0', role: 'region' })
  private readonly table = element('table', { class: 'files-table' })
  private readonly headers = new Map<SortKey, HTMLTableCellElement>()
  private readonly selectAll = cells.selectBox(_('Select all files shown'), 'none')
  private readonly rows: WindowedTable<Row>
  private view: View
  private inView: readonly StoredFile[] = []

  constructor(
    private readonly settings: Settings,
    private readonly selection: Selection,
    private readonly announcements: Announcements,
    private readonly actions: TableActions,
    view: View,
  ) {
    this.view = view
    this.scroller.setAttribute('aria-label', _('Files of the case'))
    this.table.append(this.head())
    this.scroller.append(this.table)
    this.rows = new WindowedTable<Row>(this.scroller, this.table, {
      key: (row) => row.key,
      signature: (row) => this.signature(row),
      draw: (row) => this.draw(row),
    })
    this.selectAll.addEventListener('change', () =>
      actions.choose(this.inView, this.selectAll.checked),
    )
  }

  /** Show `rows`, which are made of the files `inView`. */
  show(rows: readonly Row[], inView: readonly StoredFile[], view: View): void {
    this.view = view
    this.inView = inView
    for (const [key, header] of this.headers) showOrder(header, key, view)
    const extent = this.selection.extentIn(inView)
    this.selectAll.checked = extent === 'all'
    this.selectAll.indeterminate = extent === 'some'
    this.rows.show(rows)
  }

  /** Go back to the first row, as after a search. */
  scrollToTop(): void {
    this.rows.scrollToTop()
  }

  private head(): HTMLTableSectionElement {
    const columns: Column[] = [
      { name: 'name', title: _('Name'), sortKey: 'name' },
      { name: 'size', title: _('Size'), sortKey: 'size' },
      { name: 'state', title: _('State'), sortKey: 'state' },
      { name: 'digest', title: _('SHA-256') },
      { name: 'sender', title: _('Sent by'), sortKey: 'sender' },
      { name: 'time', title: _('When'), sortKey: 'time' },
    ]
    const row = element('tr', { 'aria-rowindex': '1' })
    row.append(element('td', { class: 'select' }, this.selectAll))
    for (const column of columns) row.append(this.header(column))
    const actions = element('span', { class: 'visually-hidden' }, _('Actions'))
    row.append(element('th', { scope: 'col', class: 'buttons' }, actions))
    const head = document.createElement('thead')
    head.append(row)
    return head
  }

  private header({ name, title, sortKey }: Column): HTMLTableCellElement {
    const header = element('th', { scope: 'col', class: name })
    if (sortKey === undefined) {
      header.append(title)
      return header
    }
    const button = element('button', { type: 'button', class: 'plain' }, title)
    button.addEventListener('click', () => this.actions.sort(sortKey))
    header.append(button)
    this.headers.set(sortKey, header)
    return header
  }

  private signature(row: Row): string {
    if (row.kind === 'folder') {
      const extent = this.selection.extentIn(row.files)
      return [row.files.length, row.size, row.time, extent].join(' ')
    }
    const { file } = row
    const shown = [this.selection.has(file), stateOf(file), mayRemove(this.settings, file)]
    return [...shown, this.showsFolder(), file.path].join(' ')
  }

  private showsFolder(): boolean {
    return !showsFolders(this.view)
  }

  private draw(row: Row): HTMLTableRowElement {
    const contents = row.kind === 'file' ? this.fileCells(row) : this.folderCells(row)
    const made = document.createElement('tr')
    for (const [name, content] of Object.entries(contents)) {
      const isName = name === 'name'
      const cell = isName ? element('th', { scope: 'row' }) : document.createElement('td')
      cell.className = name
      if (content !== undefined) cell.append(content)
      made.append(cell)
    }
    return made
  }

  private fileCells(row: Extract<Row, { kind: 'file' }>): Cells {
    const { file, name } = row
    const box = cells.selectBox(
      _('Select %(name)s', { name }),
      this.selection.has(file) ? 'all' : 'none',
    )
    box.addEventListener('change', () => this.actions.choose([file], box.checked))
    const { filesUrl, filePages } = this.settings
    return {
      select: box,
      name: cells.fileName(row, `${filePages}/${file.id}`, this.showsFolder()),
      size: formatBytes(file.size),
      state: cells.stateCell(file),
      digest: cells.digestCell(file, name, () => this.announcements.say(_('Copied.'))),
      sender: cells.senderCell(file),
      time: cells.timeElement(file.created_at),
      buttons: this.fileActions(file, name, `${filesUrl}/${file.id}`),
    }
  }

  private fileActions(file: StoredFile, name: string, url: string): HTMLElement {
    const download = _('Download %(name)s', { name })
    const receipt = _('Save the receipt of %(name)s', { name })
    const group = element(
      'span',
      {},
      cells.downloadLink('download', `${url}/content`, download, 'download'),
      cells.downloadLink('receipt', `${url}/receipt`, receipt, 'receipt', `${name}.receipt.json`),
    )
    if (mayRemove(this.settings, file)) {
      const remove = cells.iconButton('remove', _('Delete %(name)s', { name }), 'remove')
      remove.addEventListener('click', () => this.actions.remove([file]))
      group.append(remove)
    }
    return group
  }

  private folderCells(row: Extract<Row, { kind: 'folder' }>): Cells {
    const { name, path } = row
    const label = _('Select all files in the folder %(name)s', { name })
    const box = cells.selectBox(label, this.selection.extentIn(row.files))
    box.addEventListener('change', () => this.actions.choose(row.files, box.checked))
    const named = cells.folderName(row)
    named.querySelector('button')?.addEventListener('click', () => this.actions.open(path))
    const direction = this.view.direction === undefined ? '' : `&direction=${this.view.direction}`
    const query = `path=${encodeURIComponent(path)}${direction}`
    const archive = `${this.settings.caseUrl}/archive?${query}`
    const download = _('Download the folder %(name)s as a zip', { name })
    return {
      select: box,
      name: named,
      size: formatBytes(row.size),
      state: undefined,
      digest: undefined,
      sender: undefined,
      time: cells.timeElement(row.time),
      buttons: element('span', {}, cells.downloadLink('download', archive, download, 'download')),
    }
  }
}

type Cells = Record<string, Node | string | undefined>

function showOrder(header: HTMLTableCellElement, key: SortKey, view: View): void {
  const sorted = key === view.sortBy
  if (sorted) header.setAttribute('aria-sort', view.descending ? 'descending' : 'ascending')
  else header.removeAttribute('aria-sort')
  header.querySelector('svg')?.remove()
  if (sorted) header.querySelector('button')?.append(icon(view.descending ? 'down' : 'up'))
}
