// What is tried again by itself, and what people are told of the rest.
import type { DetailedError, HttpResponse } from 'tus-js-client'
import { Problem } from '../common/api'
import { _ } from '../common/messages'
import { tell } from '../common/problems'
import { BrokenReader, UnreadableFile } from './checked-files'
import { CheckedStack } from './requests'

/** When it is tried again; as nothing is sent while nobody is there, this is for their troubles. */
export const RETRY_DELAYS = [0, 1000, 2000, 5000, 10_000, ...new Array<number>(1000).fill(15_000)]

const MOST_DAMAGED = 10
const MOST_FAILURES = 6
const RETRIED = new Set([408, 409, 423, 425, 429, 503])

/** Whether to go on after `error`, the `attempt`th since the last byte that went well. */
export function isRetried(error: DetailedError, attempt: number, stack: unknown): boolean {
  const cause = error.causingError
  if (cause instanceof UnreadableFile || cause instanceof BrokenReader) return false
  const status = statusOf(error)
  if (status === 460) return attempt < MOST_DAMAGED
  if (status === 422) return isRestarted(stack)
  if (status === 500) return attempt < MOST_FAILURES
  return status === 0 || status > 500 || RETRIED.has(status)
}

/** Return what has happened and what to do next, in words for people. */
export function describe(error: DetailedError): string {
  const cause = error.causingError
  if (cause instanceof UnreadableFile)
    return _('The file was changed or moved on your computer. Remove it here and choose it again.')
  if (cause instanceof BrokenReader)
    return _("This browser can't read files the way we need. Update it, or use another one.")
  const answer = responseOf(error)
  const told = tell(answer === undefined ? error : problemOf(answer))
  const parts = [`${told.title}.`, told.detail, told.advice]
  return parts.filter((part) => part !== undefined).join(' ')
}

/** Whether the file is sent anew, as what arrived isn't the file: it may only happen once. */
function isRestarted(stack: unknown): boolean {
  if (!(stack instanceof CheckedStack) || stack.journey.isRestarted) return false
  stack.journey.isRestarted = true
  return true
}

function statusOf(error: DetailedError): number {
  return responseOf(error)?.getStatus() ?? 0
}

function responseOf(error: DetailedError): HttpResponse | undefined {
  return error.originalResponse ?? undefined
}

function problemOf(answer: HttpResponse): Problem {
  const said = bodyOf(answer)
  const text = (name: string) => {
    const value = said[name]
    return typeof value === 'string' ? value : undefined
  }
  const code = text('code') ?? 'unknown'
  return new Problem(answer.getStatus(), code, text('detail') ?? '', text('request_id'), said)
}

function bodyOf(answer: HttpResponse): Record<string, unknown> {
  try {
    return JSON.parse(answer.getBody()) as Record<string, unknown>
  } catch {
    return {}
  }
}
