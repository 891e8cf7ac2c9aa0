// Our texts in the page's language. English is in the code; other languages are built from the same
// catalogue that the server's pages use, and loaded only where they are wanted.

type Catalogue = Record<string, string | string[]>
type Values = Record<string, string | number>

const catalogues = import.meta.glob<Catalogue>('../../generated/*.json', { import: 'default' })
let catalogue: Catalogue = {}
let plural = new Intl.PluralRules('en')

/** Load the texts of the page's language; call it before anything is shown. */
export async function loadMessages(): Promise<void> {
  const language = document.documentElement.lang
  const load = catalogues[`../../generated/${language}.json`]
  if (load === undefined) return
  catalogue = await load()
  plural = new Intl.PluralRules(language)
}

/** Return `text` in the page's language, with each %(name)s filled in. */
export function _(text: string, values: Values = {}): string {
  const found = catalogue[text]
  return fill(typeof found === 'string' ? found : text, values)
}

/** Return `one` or `many` in the page's language, as fits `count`, which is %(count)s. */
export function ngettext(one: string, many: string, count: number, values: Values = {}): string {
  const found = catalogue[one]
  const isOne = plural.select(count) === 'one'
  const text = Array.isArray(found) ? found[isOne ? 0 : 1] : isOne ? one : many
  const shown = new Intl.NumberFormat(document.documentElement.lang).format(count)
  return fill(text ?? many, { count: shown, ...values })
}

function fill(text: string, values: Values): string {
  return text.replace(/%\((\w+)\)s/g, (whole, name: string) => String(values[name] ?? whole))
}
