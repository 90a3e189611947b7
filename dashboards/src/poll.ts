// Asks for the status once a second and keeps what is known about the answers.

import { instant } from './format'
import type { Status } from './status'

const EVERY_MS = 1000
const TIMEOUT_MS = 4000

/** What the page knows, each time something new is known. */
export interface Seen {
  /** The newest answer. */
  readonly status: Status | null
  /** When it came, in milliseconds since 1970. */
  readonly at: number | null
  /** Its age: the time since the program's own clock was last seen to move. */
  readonly ageMs: number | null
  /** Why the last question had no answer; null when it had one. */
  readonly failure: string | null
  /** Questions in a row without an answer. */
  readonly failures: number
}

/** Milliseconds since 1970 that never run backwards while the page is open. */
export function monotonic(): number {
  return performance.timeOrigin + performance.now()
}

function reason(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`
  if (error instanceof TypeError) return 'connection refused or lost'
  return error instanceof Error ? error.message : 'unknown error'
}

async function ask(url: string): Promise<Status> {
  const answer = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: 'application/json' } })
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
  let body: unknown
  try {
    body = await answer.json()
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error('the answer is not JSON')
    throw error
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Error('the answer is not a JSON object')
  return body
}

/** Polls for as long as the page is open; `answered` hears each answer or failure, `ticked` each quarter of a second that the page is looked at. */
export function startPolling(url: string, answered: (seen: Seen) => void, ticked: (seen: Seen) => void): void {
  let status: Status | null = null
  let at: number | null = null
  let moved: number | null = null
  let failure: string | null = null
  let failures = 0
  let timer = 0
  let asking = false
  // Browsers slow the timers of hidden pages: what looks old then may only not have been asked for.
  let rested = false

  const seen = (): Seen => ({ status, at, ageMs: moved === null ? null : monotonic() - moved, failure, failures })

  const poll = async (): Promise<void> => {
    if (asking) return
    asking = true
    window.clearTimeout(timer)
    const asked = monotonic()
    try {
      const next = await ask(url)
      at = monotonic()
      // A program that answers but whose clock stands still gives old data.
      const [before, after] = [instant(status?.now), instant(next.now)]
      if (moved === null || after === null || after !== before) moved = at
      status = next
      failure = null
      failures = 0
    } catch (error) {
      failure = reason(error)
      failures += 1
    }
    asking = false
    rested = document.hidden
    answered(seen())
    timer = window.setTimeout(() => void poll(), Math.max(100, EVERY_MS - (monotonic() - asked)))
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) rested = true
    else void poll()
  })
  window.setInterval(() => {
    if (!rested) ticked(seen())
  }, 250)
  void poll()
}
