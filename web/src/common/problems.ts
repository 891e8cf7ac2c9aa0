// What people are told of a problem, by its code: the same texts that the pages of the server have.

import { Problem } from './api'
import { element } from './dom'
import { _ } from './messages'
import texts from '../../../transfer/http/site/problems.json'

interface ProblemText {
  title: string
  advice: string
  specific?: boolean
}

/** A problem as it is shown: what has happened, what to do, and how to refer to it. */
export interface ToldProblem {
  title: string
  advice: string
  /** The service's own sentence, in English, where it says more. */
  detail: string | undefined
  reference: string | undefined
}

const byCode: Readonly<Record<string, ProblemText>> = texts
const UNKNOWN: ProblemText = texts.unknown

/** Return what to tell of `error`: a refusal of the service, or none of its answers at all. */
export function tell(error: unknown): ToldProblem {
  if (!(error instanceof Problem)) return told(texts.network)
  const text = textOf(error.code, error.status)
  return {
    ...told(text),
    detail: text.specific === true ? error.message : undefined,
    reference: error.requestId,
  }
}

/** Return what to tell of the problem `code`, which came with `status`. */
export function tellCode(code: string, status = 0): ToldProblem {
  return told(textOf(code, status))
}

/** Return an element that tells `error`, read out at once. */
export function problemNotice(error: unknown): HTMLElement {
  const { title, advice, detail, reference } = tell(error)
  return element(
    'div',
    { class: 'notice bad problem-notice', role: 'alert' },
    element('p', {}, element('strong', {}, title)),
    element('p', {}, advice),
    detail === undefined ? undefined : element('p', { lang: 'en' }, detail),
    reference === undefined ? undefined : element('p', {}, element('small', {}, referTo(reference))),
  )
}

function referTo(reference: string): string {
  return _('Reference for Customer Care: %(reference)s', { reference })
}

function textOf(code: string, status: number): ProblemText {
  return byCode[code] ?? (status >= 500 ? texts.internal : UNKNOWN)
}

function told(text: ProblemText): ToldProblem {
  return { title: _(text.title), advice: _(text.advice), detail: undefined, reference: undefined }
}
