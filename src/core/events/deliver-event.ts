import { randomUUID } from 'node:crypto'
import { backOffMs } from '../mail/back-off.ts'
import { keepLease, LEASE_SECONDS } from '../outbox/keep-lease.ts'
import { untilRecorded } from '../outbox/until-recorded.ts'
import { type ClaimedEvent, claimEvent, postponeEvent, settleEvent } from '../postgres/outbox/events.ts'
import type { Pool } from '../postgres/pool.ts'

/** What is posted: the same bytes under the same id at every try. */
export type OutgoingEvent = { id: string; body: string }

/** Why an event is not told yet, by a fixed word. `isForEverybody`: the receiver wants nothing at all for `retryAfterMs`. */
export type ReceiverTrouble = { reason: string; isForEverybody: boolean; retryAfterMs: number | null }

export type Told = 'accepted' | ReceiverTrouble

/** The system that events are told to. `tell` never rejects and takes 15 seconds at most. */
export type Receiver = { tell(event: OutgoingEvent, signal: AbortSignal): Promise<Told>; close(): Promise<void> }

export type DeliverEventTools = { pool: Pool; receiver: Receiver; giveUpAfterSeconds: number }

/** What becomes of the job. `afterSeconds` counts from the event; it is there when it was this try that ended it. */
export type EventDelivery =
  | { end: 'done'; afterSeconds?: number }
  | { end: 'failed'; reason: string; afterSeconds?: number }
  | { end: 'later'; reason: string; inMs: number }

/** One try, as it is told to operators: nothing of the payload. */
export type TriedEvent = { eventId: string; type: string | null; attempt: number; delivery: EventDelivery }

const LEASE_LOST: EventDelivery = { end: 'later', reason: 'lease-lost', inMs: 1000 }
const CAP_MS = 3_600_000

/**
 * Tries once to tell an event. May run twice, even at once, for the same event: the lease in its row lets one through, and a try
 * whose end nobody recorded is repeated under the same id. So it is told at least once.
 */
export const deliverEvent = async (
  tools: DeliverEventTools,
  { eventId, signal }: { eventId: string; signal: AbortSignal },
): Promise<TriedEvent> => {
  const token = randomUUID()
  const { pool, giveUpAfterSeconds } = tools
  const event = await claimEvent(pool, { eventId, token, leaseSeconds: LEASE_SECONDS, giveUpAfterSeconds })
  if (!event) return { eventId, type: null, attempt: 0, delivery: { end: 'done' } }
  const tried = { eventId, type: event.type, attempt: event.attempts }
  if (!event.isClaimed) return { ...tried, delivery: explain(event) }
  const delivery = await keepLease(pool, 'events', { id: eventId, token }, async () => {
    const told = await tools.receiver.tell({ id: eventId, body: bodyOf(event) }, signal)
    return untilRecorded(signal, () => recordAnswer(pool, { ...event, eventId, token }, told))
  })
  return { ...tried, delivery }
}

const bodyOf = ({ type, createdAt, data }: ClaimedEvent): string =>
  JSON.stringify({ type, timestamp: createdAt.toISOString(), data })

/** Why the event could not be claimed. */
const explain = ({ outcome, waitMs }: ClaimedEvent): EventDelivery => {
  if (outcome === 'given-up') return { end: 'failed', reason: outcome }
  if (outcome) return { end: 'done' }
  return { end: 'later', reason: 'taken-by-another-run', inMs: Math.ceil(waitMs) + 100 }
}

type OwnEvent = ClaimedEvent & { eventId: string; token: string }

const recordAnswer = async (pool: Pool, event: OwnEvent, told: Told): Promise<EventDelivery> => {
  const { eventId, token, giveUpInMs } = event
  if (told === 'accepted') {
    const afterSeconds = await settleEvent(pool, { eventId, token, outcome: 'accepted', error: null })
    return afterSeconds === null ? LEASE_LOST : { end: 'done', afterSeconds }
  }
  const { reason, retryAfterMs } = told
  if (giveUpInMs <= 0) {
    const afterSeconds = await settleEvent(pool, { eventId, token, outcome: 'given-up', error: reason })
    return afterSeconds === null ? LEASE_LOST : { end: 'failed', reason: `given-up: ${reason}`, afterSeconds }
  }
  const backOff = Math.max(retryAfterMs ?? 0, backOffMs(event.attempts, Math.random, CAP_MS))
  const inMs = Math.ceil(Math.min(backOff, giveUpInMs))
  const isPostponed = await postponeEvent(pool, { eventId, token, error: reason, inMs, retryAfterMs })
  return isPostponed ? { end: 'later', reason, inMs } : LEASE_LOST
}
