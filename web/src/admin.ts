// The administration: plain forms do it all; a script only helps to copy what is shown once.
import './admin.css'
import { copyText } from './common/clipboard'

for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copies]')) {
  const source = document.getElementById(button.dataset['copies'] ?? '')
  const told = button.parentElement?.querySelector('[role=status]')
  if (source === null) continue
  button.hidden = false
  button.addEventListener('click', () => {
    void copyText(source.textContent ?? '').then((copied) => {
      if (told && copied) told.textContent = button.dataset['copied'] ?? ''
    })
  })
}
