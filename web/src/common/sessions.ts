// Pages of one browser tell each other that somebody has signed in, so that what waits goes on.

const CHANNEL = 'transfer-session'
const SIGNED_IN = 'signed-in'

/** Tell the other pages that this one has a session; it says nothing of whose. */
export function announceSession(): void {
  if (document.querySelector('meta[name="csrf-token"]') === null) return
  const channel = new BroadcastChannel(CHANNEL)
  channel.postMessage(SIGNED_IN)
  channel.close()
}

/** Call `then` whenever another page has a new session; what is returned ends that. */
export function onSignedIn(then: () => void): () => void {
  const channel = new BroadcastChannel(CHANNEL)
  channel.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (event.data === SIGNED_IN) then()
  })
  return () => channel.close()
}
