// Whether there is somebody to talk to, and whether they know us. While there isn't, all requests
// wait here; they go on by themselves when the network, the service or the session is back.
import { getJson, keepCsrfToken, Problem } from '../common/api'
import { onSignedIn } from '../common/sessions'

/** How it stands, as people are told; `other` is signed in, but not to this case. */
export type Standing = 'open' | 'offline' | 'unreachable' | 'signed-out' | 'other'

interface Session {
  cases: string[] | null
  csrf_token?: string
}

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000
/** Asking in vain is counted by the service; another window tells when somebody signs in. */
const SIGNED_OUT_WAIT_MS = 30_000

/** The way to the service. */
export class Connection {
  standing: Standing = 'open'
  private looking = false
  private hasNews = false
  private endPause: () => void = () => undefined
  private waiting: (() => void)[] = []
  private readonly listeners: ((standing: Standing) => void)[] = []

  constructor(
    private readonly sessionUrl: string,
    private readonly caseNumber: string,
  ) {
    addEventListener('offline', () => this.failed())
    addEventListener('online', () => this.wake())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.wake()
    })
    onSignedIn(() => this.renew())
  }

  /** Call `listener` at every change. */
  listen(listener: (standing: Standing) => void): void {
    this.listeners.push(listener)
  }

  /** Wait until requests may be sent. */
  ready(): Promise<void> {
    if (!this.looking) return Promise.resolve()
    return new Promise((resolve) => {
      this.waiting.push(resolve)
    })
  }

  /** Note that a request got no answer. */
  failed(): void {
    void this.look()
  }

  /** Note that the session is over. */
  signedOut(): void {
    if (this.standing === 'open') this.become('signed-out')
    void this.look()
  }

  /** Note that there may be another session than the one that the page was made for. */
  renew(): void {
    this.wake()
    void this.look()
  }

  private wake(): void {
    this.hasNews = true
    this.endPause()
  }

  /** Find out how it stands, again and again until the way is open. */
  private async look(): Promise<void> {
    if (this.looking) return
    this.looking = true
    let waitMs = FIRST_WAIT_MS
    for (;;) {
      this.hasNews = false
      const found = await this.ask()
      this.become(found)
      if (found === 'open') break
      const isKnown = found === 'signed-out' || found === 'other'
      await this.pause(isKnown ? SIGNED_OUT_WAIT_MS : waitMs)
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
    }
    this.looking = false
    for (const go of this.waiting.splice(0)) go()
  }

  private async ask(): Promise<Standing> {
    if (!navigator.onLine) return 'offline'
    try {
      const session = await getJson<Session>(this.sessionUrl, AbortSignal.timeout(LONGEST_WAIT_MS))
      if (session.cases !== null && !session.cases.includes(this.caseNumber)) return 'other'
      if (session.csrf_token !== undefined) keepCsrfToken(session.csrf_token)
      return 'open'
    } catch (error) {
      if (!(error instanceof Problem)) return 'unreachable'
      if (error.status === 401) return 'signed-out'
      // Asked too often is about the ways in: it says nothing that is new.
      return error.status === 429 && this.standing !== 'open' ? this.standing : 'unreachable'
    }
  }

  private pause(milliseconds: number): Promise<void> {
    if (this.hasNews) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = window.setTimeout(resolve, milliseconds)
      this.endPause = () => {
        window.clearTimeout(timer)
        resolve()
      }
    })
  }

  private become(standing: Standing): void {
    if (standing === this.standing) return
    this.standing = standing
    for (const listener of this.listeners) listener(standing)
  }
}
