// Looks whether answers arrive as they are sent, or are kept back until their end.

import { request } from '../common/api'
import { _ } from '../common/messages'
import type { Check, Finding } from './findings'

const TIMEOUT_MS = 15_000
/** The service sends five pieces in a second; kept back, they come together. */
const SPREAD_MS = 400

export const downloadCheck = (): Check => ({
  name: 'download',
  title: _('Answers'),
  run: async ({ api }) => downloadFinding(await timesOfPieces(`${api}/pieces`)),
})

export const eventsCheck = (): Check => ({
  name: 'events',
  title: _('Live updates'),
  run: async ({ api }) => eventsFinding(await timesOfEvents(`${api}/events`)),
})

async function timesOfPieces(url: string): Promise<number[]> {
  const answer = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  const reader = answer.body?.getReader()
  const times: number[] = []
  while (reader !== undefined && !(await reader.read()).done) times.push(performance.now())
  return times
}

function timesOfEvents(url: string): Promise<number[]> {
  return new Promise((resolve) => {
    const times: number[] = []
    const source = new EventSource(url)
    const end = () => {
      source.close()
      resolve(times)
    }
    setTimeout(end, TIMEOUT_MS)
    source.addEventListener('piece', () => times.push(performance.now()))
    source.addEventListener('end', end)
    source.onerror = end
  })
}

function spread(times: number[]): number {
  return Math.round((times.at(-1) ?? 0) - (times[0] ?? 0))
}

function downloadFinding(times: number[]): Finding {
  const facts = { pieces: times.length, 'spread (ms)': spread(times) }
  if (spread(times) >= SPREAD_MS)
    return { verdict: 'good', text: _('They arrive as they are sent.'), facts }
  return {
    verdict: 'note',
    text: _('Something on the way keeps answers back until they are whole.'),
    advice: _('Downloads begin late, but arrive.'),
    facts,
  }
}

function eventsFinding(times: number[]): Finding {
  const facts = { events: times.length, 'spread (ms)': spread(times) }
  if (times.length === 0)
    return {
      verdict: 'note',
      text: _('They do not arrive: something on the way keeps streams of events back.'),
      advice: _('Load the page again to see what is new. Uploads work all the same.'),
      facts,
    }
  if (spread(times) >= SPREAD_MS)
    return { verdict: 'good', text: _('They arrive at once.'), facts }
  return {
    verdict: 'note',
    text: _('They arrive late: something on the way collects them.'),
    advice: _('Load the page again to see what is new. Uploads work all the same.'),
    facts,
  }
}
