// What is above the table: search, which files, in folders or in one list, and the way to a folder.
import { element } from '../common/dom'
import { _ } from '../common/messages'
import type { Direction } from './entries'
import { topOf, type View } from './rows'

const TYPING_MS = 150

/** Shows a view's choices, and tells what the reader chooses. */
export class Toolbar {
  readonly element: HTMLElement
  readonly path = element('nav', { class: 'files-path' })
  private readonly search: HTMLInputElement
  private readonly directions = new Map<Direction | undefined, HTMLButtonElement>()
  private readonly modes = new Map<boolean, HTMLButtonElement>()
  private typing: number | undefined

  constructor(
    isStaff: boolean,
    private readonly change: (view: Partial<View>) => void,
  ) {
    const label = _('Search in names, senders and SHA-256')
    this.search = element('input', {
      type: 'search',
      'aria-label': label,
      placeholder: _('Search'),
      autocomplete: 'off',
      spellcheck: 'false',
    })
    this.search.addEventListener('input', () => {
      window.clearTimeout(this.typing)
      this.typing = window.setTimeout(() => change({ search: this.search.value.trim() }), TYPING_MS)
    })
    this.path.setAttribute('aria-label', _('Folder'))
    this.element = element(
      'div',
      { class: 'files-toolbar' },
      this.search,
      this.directionGroup(isStaff),
      this.modeGroup(),
    )
  }

  /** Show `view`; the choice of folders is there when there are any. */
  show(view: View, hasFolders: boolean, caseLabel: string): void {
    for (const [direction, button] of this.directions)
      press(button, direction === view.direction)
    for (const [byFolder, button] of this.modes) {
      press(button, byFolder === view.byFolder)
      button.hidden = !hasFolders
    }
    const top = topOf(view)
    this.path.hidden = !view.byFolder || view.search !== '' || view.folder === top
    if (!this.path.hidden) this.showPath(view.folder, top, caseLabel)
  }

  /** Empty the search. */
  clearSearch(): void {
    this.search.value = ''
    this.search.focus()
    this.change({ search: '' })
  }

  private directionGroup(isStaff: boolean): HTMLElement {
    const words: [Direction | undefined, string][] = [
      [undefined, _('All')],
      ['from_customer', isStaff ? _('From the customer') : _('Your files')],
      ['shared_with_customer', isStaff ? _('Shared by us') : _('Shared with you')],
    ]
    for (const [direction, word] of words)
      this.directions.set(direction, choice(word, () => this.change({ direction })))
    return group(_('Which files'), this.directions.values())
  }

  private modeGroup(): HTMLElement {
    const words: [boolean, string][] = [
      [true, _('Folders')],
      [false, _('One list')],
    ]
    for (const [byFolder, word] of words)
      this.modes.set(byFolder, choice(word, () => this.change({ byFolder })))
    return group(_('How they are listed'), this.modes.values())
  }

  private showPath(folder: string, top: string, caseLabel: string): void {
    const list = element('ol')
    const parts = folder.slice(top.length).split('/').filter(Boolean)
    list.append(this.step(top === '' ? caseLabel : top, top))
    let path = top
    for (const [index, part] of parts.entries()) {
      path = path === '' ? part : `${path}/${part}`
      const last = index === parts.length - 1
      list.append(last ? element('li', { 'aria-current': 'true' }, part) : this.step(part, path))
    }
    this.path.replaceChildren(list)
  }

  private step(name: string, folder: string): HTMLLIElement {
    const button = element('button', { type: 'button', class: 'plain' }, name)
    button.addEventListener('click', () => this.change({ folder }))
    return element('li', {}, button)
  }
}

function choice(word: string, choose: () => void): HTMLButtonElement {
  const button = element('button', { type: 'button', 'aria-pressed': 'false' }, word)
  button.addEventListener('click', choose)
  return button
}

function press(button: HTMLButtonElement, pressed: boolean): void {
  button.setAttribute('aria-pressed', String(pressed))
}

function group(label: string, buttons: Iterable<HTMLButtonElement>): HTMLElement {
  const legend = element('legend', { class: 'visually-hidden' }, label)
  return element('fieldset', { class: 'choices' }, legend, ...buttons)
}
