// What the service shows of a file, a piece at a time.

import { getJson, Problem } from '../common/api'

/** A line; every second one of its parts is what was looked for. */
export interface Line {
  number: number | null
  parts: string[]
  cut: boolean
}

/** A piece of a text, or of a search in it; `next` leads to the following one. */
export interface Look {
  lines: Line[]
  size: number
  read: number
  damaged: boolean
  out_of_reach: boolean
  next: string | null
}

const TRIES = 4
const WAIT_MS = 2_000

/** Return a piece of what is at `url`; a service that is busy is asked again. */
export async function look(
  url: string,
  parameters: Record<string, string>,
  signal: AbortSignal,
): Promise<Look> {
  const asked = `${url}?${new URLSearchParams(parameters).toString()}`
  for (let tries = 1; ; tries += 1) {
    try {
      return await getJson<Look>(asked, signal)
    } catch (error) {
      const busy = error instanceof Problem && error.status === 503
      if (!busy || tries === TRIES) throw error
    }
    await pause(WAIT_MS * tries, signal)
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    })
  })
}
