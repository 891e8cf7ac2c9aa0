// Sends files into a case: the part of its page that has the drop zone.
import '@uppy/core/css/style.min.css'
import '@uppy/dashboard/css/style.min.css'
import './upload.css'
import { caseEvents } from './common/case-events'
import { datum, element, found } from './common/dom'
import { loadMessages, ngettext, _ } from './common/messages'
import { Connection } from './upload/connection'
import { showConnection } from './upload/connection-news'
import { Continuing } from './upload/continuing'
import { CaseListing } from './upload/listing'
import { Pace } from './upload/progress'
import { Receipts } from './upload/receipts'
import { Unfinished } from './upload/unfinished'
import { Uploader } from './upload/uploader'

const EVERY_MS = 1_000

let isClosed = false

await loadMessages()
const section = found<HTMLElement>(document, '#upload')
const place = found<HTMLElement>(section, '#uploader')
const news = found<HTMLElement>(section, '#connection-news')

const number = datum(place, 'case')
const connection = new Connection(datum(place, 'session'), number)
const listing = new CaseListing(datum(place, 'files'), connection)
const continuing = new Continuing(listing, datum(place, 'upload'), datum(place, 'name'))
const pace = new Pace(found(section, '#upload-pace'), found(section, '#upload-news'))
const events = caseEvents(datum(place, 'events'))
const unfinished = new Unfinished(
  found(section, '#unfinished'),
  listing,
  datum(place, 'upload'),
  datum(place, 'events'),
  (id) => uploader.sends(id),
)
const receipts = new Receipts(
  found(section, '#sent'),
  number,
  datum(place, 'receipts'),
  connection,
  sumUp,
)
const { maxBytes } = place.dataset
const uploader = new Uploader({
  place,
  endpoint: new URL(datum(place, 'uploads'), location.href).href,
  folder: datum(place, 'folder'),
  maxBytes: maxBytes === undefined ? undefined : Number(maxBytes),
  connection,
  continuing,
  receipts,
})

connection.listen((standing) => {
  showConnection(news, standing, datum(place, 'signedIn'))
  if (standing !== 'open') return
  events.reopen()
  unfinished.refreshSoon()
})

events.listen(({ kind }) => {
  if (kind === 'case.closed') close()
  else if (kind === 'case.reopened' && isClosed) location.reload()
})

addEventListener('beforeunload', (event) => {
  if (uploader.standing().isSending || receipts.isBusy) event.preventDefault()
})

await uploader.open({
  onEnd: tellEnd,
  onChange: () => {
    pace.show(uploader.standing())
    unfinished.refreshSoon()
  },
  onStale: () => {
    const text = _(
      'This page is older than the service. Load it again, then choose your files once more.',
    )
    news.replaceChildren(element('p', { class: 'notice warn' }, text))
  },
})
setInterval(() => pace.show(uploader.standing()), EVERY_MS)
place.dataset['ready'] = ''

/** Say what has come of it, once all that was received is compared. */
function sumUp(): void {
  if (uploader.standing().isSending || receipts.isBusy) return
  const good = ngettext(
    '%(count)s file received and verified',
    '%(count)s files received and verified',
    receipts.good,
  )
  pace.say(receipts.bad === 0 ? good : _('%(good)s, %(bad)s not', { good, bad: receipts.bad }))
}

function tellEnd(failed: number): void {
  if (failed === 0) sumUp()
  else pace.say(ngettext('%(count)s file was not sent', '%(count)s files were not sent', failed))
}

/** The case was closed: nothing more is taken, and what is under way is left as it is. */
function close(): void {
  isClosed = true
  uploader.close()
  const told = _('This case was closed just now and takes no more files.')
  const notice = element('p', { class: 'notice warn', role: 'status' }, told)
  place.replaceWith(notice)
}
