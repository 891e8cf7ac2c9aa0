// Removing files: asked for once, done one by one, and said what couldn't be.
import { Problem, request } from '../common/api'
import { element } from '../common/dom'
import { formatBytes } from '../common/format'
import { _, ngettext } from '../common/messages'
import { splitPath, type StoredFile } from './entries'

const AT_ONCE = 4

/** What became of a removal. */
export interface Removed {
  gone: string[]
  failed: number
  problem: Problem | undefined
}

/** Ask whether `files` shall go; true for yes. */
export function confirmRemoval(files: readonly StoredFile[]): Promise<boolean> {
  const [first] = files
  const one = files.length === 1 && first !== undefined
  const question = one
    ? _('Delete %(name)s?', { name: splitPath(first.path)[1] })
    : ngettext('Delete %(count)s file?', 'Delete %(count)s files?', files.length)
  const size = formatBytes(files.reduce((sum, file) => sum + file.size, 0))
  const cancel = element('button', { type: 'submit', class: 'secondary' }, _('Keep'))
  const yes = element('button', { type: 'submit', value: 'yes', class: 'danger' }, _('Delete'))
  const title = element('h3', { id: 'removal-question' }, question)
  const note = element('p', {}, _('%(size)s will be deleted for good, for all.', { size }))
  const form = element('form', { method: 'dialog' }, cancel, yes)
  const dialog = element(
    'dialog',
    { class: 'removal', 'aria-labelledby': title.id },
    element('article', {}, title, note, form),
  )
  document.body.append(dialog)
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      resolve(dialog.returnValue === 'yes')
      dialog.remove()
    })
  })
}

/** Remove `files`, a few at once. */
export async function removeFiles(
  files: readonly StoredFile[],
  filesUrl: string,
): Promise<Removed> {
  const removed: Removed = { gone: [], failed: 0, problem: undefined }
  const left = [...files]
  const work = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      try {
        await removeOne(`${filesUrl}/${file.id}`)
        removed.gone.push(file.id)
      } catch (error) {
        removed.failed += 1
        if (error instanceof Problem) removed.problem ??= error
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return removed
}

async function removeOne(url: string): Promise<void> {
  try {
    await request(url, { method: 'DELETE' })
  } catch (error) {
    // Somebody else was faster: it is gone, as was asked for.
    if (!(error instanceof Problem && error.status === 404)) throw error
  }
}
