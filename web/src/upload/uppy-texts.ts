// Uppy's own texts in the page's language; English is built in.
import type Uppy from '@uppy/core'
import { _ } from '../common/messages'

type Locale = NonNullable<NonNullable<ConstructorParameters<typeof Uppy>[0]>['locale']>

const ENGLISH: Locale = { strings: {}, pluralize: (count) => (count === 1 ? 0 : 1) }

const PACKS: Readonly<Record<string, () => Promise<{ default: Locale }>>> = {
  de: () => import('@uppy/locales/lib/de_DE.js'),
}

/** Return what Uppy is to say in the page's language; what it calls itself, in our words. */
export async function uppyTexts(): Promise<Locale> {
  const load = PACKS[document.documentElement.lang]
  const pack = load === undefined ? ENGLISH : (await load()).default
  return { ...pack, strings: { ...pack.strings, dashboardTitle: _('Files to send') } }
}
