// The cells of the table: what is shown of a file or a folder, and what can be done with it.
import { copyText } from '../common/clipboard'
import { element } from '../common/dom'
import { formatBytes } from '../common/format'
import { _, ngettext } from '../common/messages'
import type { StoredFile } from './entries'
import { icon, type IconName } from './icons'
import { stateOf, type FileRow, type FolderRow } from './rows'

const COPIED_MS = 2_000
const SHOWN_DIGITS = 8

let days: Intl.DateTimeFormat | undefined
let times: Intl.DateTimeFormat | undefined

/** A day and a time, in the reader's zone. */
export function timeElement(at: string): HTMLTimeElement {
  times ??= new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: 'short' })
  const time = element('small', {}, times.format(new Date(at)))
  return element('time', { datetime: at, title: at }, dayOf(at), ' ', time)
}

function dayOf(at: string): string {
  days ??= new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium' })
  return days.format(new Date(at))
}

/** The box that chooses what a row has. */
export function selectBox(label: string, extent: 'all' | 'some' | 'none'): HTMLInputElement {
  const box = element('input', { type: 'checkbox', 'aria-label': label, 'data-control': 'select' })
  box.checked = extent === 'all'
  box.indeterminate = extent === 'some'
  return box
}

/** A file's name, leading to its page; below it what narrow screens have no columns for. */
export function fileName(row: FileRow, href: string, showsFolder: boolean): HTMLElement {
  const { file } = row
  const link = element('a', { href, title: file.path, 'data-control': 'name' }, row.name)
  const shared = file.direction === 'shared_with_customer'
  const folder =
    showsFolder && row.folder !== ''
      ? element('small', { class: 'folder', title: `${row.folder}/` }, `${row.folder}/`)
      : undefined
  const badge = shared ? element('small', { class: 'badge' }, _('Shared')) : undefined
  const differs = stateOf(file) === 'differs' ? _('Differs') : undefined
  const facts = [differs, formatBytes(file.size), dayOf(file.created_at)]
  const meta = element('small', { class: 'meta' }, facts.filter(Boolean).join(' · '))
  const first = element('div', { class: 'first' }, link, badge)
  return element('div', { class: 'named' }, first, folder, meta)
}

/** A folder's name, which opens it, and how much it holds. */
export function folderName(row: FolderRow): HTMLElement {
  const open = element(
    'button',
    { type: 'button', class: 'plain', 'data-control': 'name', title: row.path },
    icon('folder'),
    row.name,
  )
  const count = row.files.length
  const held = ngettext('%(count)s file', '%(count)s files', count)
  const meta = element('small', { class: 'meta' }, formatBytes(row.size))
  const first = element('div', { class: 'first' }, open, element('small', {}, held))
  return element('div', { class: 'named' }, first, meta)
}

/** What is known of a file's content. */
export function stateCell(file: StoredFile): HTMLElement {
  const state = stateOf(file)
  const [drawing, word, meaning] = {
    verified: ['done', _('Verified'), _('Its sender has told the same digest.')],
    received: ['done', _('Received'), _('Received whole; its sender gave no SHA-256 to compare.')],
    differs: ['warning', _('Differs'), differing(file)],
  }[state] as [IconName, string, string]
  return element('span', { class: `state ${state}`, title: meaning }, icon(drawing), word)
}

/** What it is that differs: of other digests than SHA-256 only side files tell. */
function differing(file: StoredFile): string {
  return file.claimed_digest?.startsWith('sha256:')
    ? _('Its sender has told another SHA-256: send it again.')
    : _('A side file tells another digest of it: send it again.')
}

/** The beginning of a file's SHA-256, and a button that copies all of it. */
export function digestCell(file: StoredFile, name: string, onCopied: () => void): HTMLElement {
  const shown = element('code', { title: file.sha256 }, `${file.sha256.slice(0, SHOWN_DIGITS)}…`)
  const label = _('Copy the SHA-256 of %(name)s', { name })
  const button = iconButton('copy', label, 'digest')
  button.addEventListener('click', () => {
    void copyText(file.sha256).then((copied) => {
      if (!copied) return
      button.replaceChildren(icon('done'))
      setTimeout(() => button.replaceChildren(icon('copy')), COPIED_MS)
      onCopied()
    })
  })
  return element('span', { class: 'digest' }, shown, button)
}

/** Who sent a file, and by which door. */
export function senderCell(file: StoredFile): HTMLElement {
  const who = element('span', { title: file.sent_by }, file.sent_by)
  return element('span', { class: 'sender' }, who, element('small', {}, doorName(file.door)))
}

/** What people call a door; the pages of the server say the same. */
export function doorName(door: string): string {
  if (door === 'sftp') return _('SFTP')
  return door === 'http' ? _('Browser or HTTP client') : _('Command line')
}

/** A link that downloads, and never leaves the page. */
export function downloadLink(
  drawing: IconName,
  href: string,
  label: string,
  control: string,
  saveAs = '',
): HTMLAnchorElement {
  const attributes = { href, download: saveAs, 'aria-label': label, title: label }
  return element(
    'a',
    { ...attributes, class: 'icon-button', 'data-control': control },
    icon(drawing),
  )
}

/** A button that is a drawing. */
export function iconButton(drawing: IconName, label: string, control: string): HTMLButtonElement {
  const attributes = { type: 'button', class: 'icon-button', 'aria-label': label, title: label }
  return element('button', { ...attributes, 'data-control': control }, icon(drawing))
}
