// What every page has: its style, times in the reader's own zone, and manners in a small window.
import '@picocss/pico/css/pico.css'
import './site.css'
import './desk.css'
import { forgetChosenLanguage } from './common/languages'
import { announceSession } from './common/sessions'
import { showLocalTimes } from './common/times'
import { behaveInPopup } from './common/popups'

showLocalTimes(document)
announceSession()
behaveInPopup()
forgetChosenLanguage()

for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-reload]')) {
  button.hidden = false
  button.addEventListener('click', () => location.reload())
}
