// The language of the pages, as a link of theirs has chosen it.

const PARAMETER = 'lang'

/** Take the choice out of the address: a cookie keeps it, and a bookmark shouldn't. */
export function forgetChosenLanguage(): void {
  const address = new URL(location.href)
  if (!address.searchParams.has(PARAMETER)) return
  address.searchParams.delete(PARAMETER)
  history.replaceState(history.state, '', address)
}
