import { type Mailer, MailerUnavailable, MailRefused } from '../../core/mail/mailer.ts'

// So many different mails must fail in a row before the trouble is taken for the provider's: one poison mail stops nobody.
const THRESHOLD = 5
const FIRST_PAUSE_MS = 1000
// Who registers when the provider is back waits for the next probe.
const MAX_PAUSE_MS = 4000
// How long the others are held back while one probe is out.
const PROBE_MS = 1000

export type CircuitBreaker = {
  /** Milliseconds for which no mail must be tried; 0 lets one through. */
  enter(): number
  /** The provider answered about a mail: it is well. */
  noteAnswer(): void
  /** A call failed. Returns the milliseconds for which no mail should be tried; 0 when there is no need. */
  noteTrouble(key: string, trouble: MailerUnavailable): number
  /** Whether mails go through as usual. */
  isOpen(): boolean
}

/**
 * A circuit breaker (Nygard, "Release It!"): while the provider fails for everybody one probe goes out now and then, not the
 * whole backlog; and when the provider asks for a pause, everybody keeps it. `now` is in milliseconds.
 */
export const createCircuitBreaker = (
  now: () => number = Date.now,
  random: () => number = Math.random,
): CircuitBreaker => {
  const failing = new Set<string>()
  let pauseMs = 0
  let closedUntil = 0
  let askedUntil = 0
  let probedUntil = 0

  // Calls that were out already when it closed tell nothing new, but for the time that the provider asks for.
  const isLate = (): boolean => now() < closedUntil

  const pause = (askedForMs: number): number => {
    const ownMs = isLate() ? 0 : lengthen() * (0.5 + random() / 2)
    askedUntil = Math.max(askedUntil, now() + askedForMs)
    closedUntil = Math.max(closedUntil, askedUntil, now() + ownMs)
    probedUntil = 0
    return closedUntil - now()
  }

  const lengthen = (): number => {
    pauseMs = Math.min(MAX_PAUSE_MS, pauseMs === 0 ? FIRST_PAUSE_MS : pauseMs * 2)
    return pauseMs
  }

  return {
    enter: () => {
      if (pauseMs === 0) return 0
      const waitMs = Math.max(closedUntil, probedUntil) - now()
      if (waitMs > 0) return Math.ceil(waitMs)
      probedUntil = now() + PROBE_MS
      return 0
    },
    noteAnswer: () => {
      failing.clear()
      // An answer to a call that was out already does not end the pause that the provider has asked for since.
      closedUntil = askedUntil
      probedUntil = 0
      if (!isLate()) pauseMs = 0
    },
    noteTrouble: (key, trouble) => {
      failing.add(key)
      if (trouble.isForEverybody) return pause(trouble.retryAfterMs ?? 0)
      return failing.size >= THRESHOLD && !isLate() ? pause(0) : 0
    },
    isOpen: () => pauseMs === 0,
  }
}

/** The same mailer, whose answers the gate hears of. `onPause` is told for how many milliseconds nothing should be tried. */
export const watchMailer = (mailer: Mailer, gate: CircuitBreaker, onPause: (ms: number) => void): Mailer => ({
  ...mailer,
  send: async (mail, sending) => {
    try {
      const sent = await mailer.send(mail, sending)
      gate.noteAnswer()
      return sent
    } catch (error) {
      if (error instanceof MailRefused) gate.noteAnswer()
      const pauseMs = error instanceof MailerUnavailable ? gate.noteTrouble(sending.idempotencyKey, error) : 0
      if (pauseMs > 0) onPause(Math.ceil(pauseMs))
      throw error
    }
  },
})
