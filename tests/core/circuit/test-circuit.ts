import { MailerUnavailable } from '../../../src/core/mail/mailer.ts'
import { type Circuit, createCircuit } from '../../../src/core/mail/routing/circuit.ts'

export const THRESHOLD = 5

export type Clock = { now: number }

/** A circuit of its own, with the longest pauses that jitter gives, and its clock, which stands. */
export const createTestCircuit = (): { clock: Clock; gate: Circuit } => {
  const clock = { now: 1_000_000 }
  const gate = createCircuit(
    () => clock.now,
    () => 1,
  )
  return { clock, gate }
}

export const trouble = (details: { retryAfterMs?: number; isForEverybody?: boolean } = {}) =>
  new MailerUnavailable('provider-503', { isClearNo: true, ...details })

export const failManyTimes = (gate: Circuit, count = THRESHOLD) =>
  Array.from({ length: count }, (_, index) => gate.noteTrouble(`mail ${index}`, trouble()))
