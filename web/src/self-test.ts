// The page that finds out what stands between a browser and the service.
import './self-test.css'
import { enableCopy } from './common/copy-buttons'
import { datum, found } from './common/dom'
import { loadMessages, _ } from './common/messages'
import { problemNotice, tell } from './common/problems'
import { browserCheck } from './self-test/browser'
import { chunkCheck } from './self-test/chunks'
import { clockCheck, connectionCheck } from './self-test/connection'
import type { Bench, Check, Finding } from './self-test/findings'
import { type Found, putIntoCase, reportOf } from './self-test/report'
import { sftpCheck } from './self-test/sftp'
import { sizeCheck } from './self-test/sizes'
import { downloadCheck, eventsCheck } from './self-test/streams'
import { CheckLine } from './self-test/view'

await loadMessages()
const root = found<HTMLElement>(document, '#self-test')
const api = datum(root, 'api')
const runButton = part<HTMLButtonElement>('run')
const status = part('status')
const list = part('checks')
const result = part('result')
const report = part<HTMLTextAreaElement>('report')
let endedAt = new Date()

runButton.hidden = false
runButton.addEventListener('click', () => void runAll())
enableCopy(part<HTMLButtonElement>('copy'), () => report.value)
root
  .querySelector<HTMLButtonElement>('[data-part="send"]')
  ?.addEventListener('click', (event) => void putThere(event.currentTarget as HTMLButtonElement))

async function runAll(): Promise<void> {
  const checks = [
    browserCheck(),
    connectionCheck(),
    clockCheck(),
    chunkCheck(),
    sizeCheck(),
    downloadCheck(),
    eventsCheck(),
    sftpCheck(),
  ].map((check) => ({ check, line: new CheckLine(check.title) }))
  begin(checks.map(({ line }) => line.item))
  const all: Found[] = []
  const bench: Bench = { api, bytesPerMs: 0 }
  for (const { check, line } of checks) {
    line.begin()
    const finding = await findingOf(check, bench)
    line.end(finding)
    all.push({ name: check.name, title: check.title, finding })
  }
  end(all)
}

function begin(items: HTMLElement[]): void {
  runButton.disabled = true
  runButton.setAttribute('aria-busy', 'true')
  result.hidden = true
  status.textContent = _('The test runs.')
  list.hidden = false
  list.replaceChildren(...items)
}

function end(all: Found[]): void {
  endedAt = new Date()
  report.value = reportOf(all, endedAt)
  status.textContent = summary(all)
  result.hidden = false
  runButton.disabled = false
  runButton.removeAttribute('aria-busy')
  runButton.textContent = _('Test again')
  const send = root.querySelector<HTMLButtonElement>('[data-part="send"]')
  if (send !== null) send.disabled = false
  root.querySelector('.problem-notice')?.remove()
}

/** Run one check; one that fails is a finding as well. */
async function findingOf(check: Check, bench: Bench): Promise<Finding> {
  try {
    return await check.run(bench)
  } catch (error) {
    const told = tell(error)
    return {
      verdict: 'bad',
      text: told.title,
      advice: told.advice,
      facts: { reference: told.reference ?? null, error: String(error) },
    }
  }
}

function summary(all: Found[]): string {
  if (all.some(({ finding }) => finding.verdict === 'bad'))
    return _('Done. Something stands in the way of uploads: see what is marked as a problem.')
  if (all.some(({ finding }) => finding.verdict === 'note'))
    return _('Done. Uploads work; some things are worth knowing.')
  return _('Done. Nothing stands in the way of uploads.')
}

async function putThere(button: HTMLButtonElement): Promise<void> {
  root.querySelector('.problem-notice')?.remove()
  button.setAttribute('aria-busy', 'true')
  try {
    const name = await putIntoCase(datum(root, 'uploads'), report.value, endedAt)
    status.textContent = _('The result is in the case, as the file %(name)s.', { name })
    button.disabled = true
  } catch (error) {
    result.append(problemNotice(error))
  } finally {
    button.removeAttribute('aria-busy')
  }
}

function part<T extends HTMLElement = HTMLElement>(name: string): T {
  return found<T>(root, `[data-part="${name}"]`)
}
