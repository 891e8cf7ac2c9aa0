// What screen readers say once they have finished what they are saying; nobody sees it.

let place: HTMLElement | undefined

/** Have `text` said. The same text again is said again. */
export function announce(text: string): void {
  if (place === undefined) {
    place = document.createElement('p')
    place.setAttribute('role', 'status')
    place.className = 'visually-hidden'
    document.body.append(place)
  }
  const said = place
  said.textContent = ''
  // Readers notice what comes into a place that they know, not a place that comes with it.
  setTimeout(() => {
    said.textContent = text
  }, SETTLED_MS)
}

const SETTLED_MS = 100
