// Questions that are asked before something goes for good.
import { element } from './dom'

/** What is asked, what it means, and the two answers. */
export interface Question {
  question: string
  note: string
  yes: string
  no: string
}

/** Ask in a dialog; true for yes. The focus goes back to where it was. */
export function ask({ question, note, yes, no }: Question): Promise<boolean> {
  const title = element('h3', { id: 'question' }, question)
  const answers = element(
    'form',
    { method: 'dialog', class: 'actions' },
    element('button', { type: 'submit', class: 'secondary' }, no),
    element('button', { type: 'submit', value: 'yes' }, yes),
  )
  const dialog = element(
    'dialog',
    { 'aria-labelledby': title.id },
    element('article', {}, title, element('p', {}, note), answers),
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
