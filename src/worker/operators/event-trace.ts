import type { EventTrace } from '../../core/postgres/outbox/traces.ts'
import { NOTHING_MORE, type TraceWords } from './row-trace.ts'

/** What the trace of an event tells beside the way of its row. Nothing of its payload. */
export const eventWords = ({ type, eventId, userId, createdAt, outcome, lastError }: EventTrace): TraceWords => ({
  head: [type, `event ${eventId}`, `registration ${userId}`],
  happenings: [{ at: createdAt, text: 'raised, and enqueued' }],
  outcome: outcome === 'accepted' ? 'accepted by the receiver' : `given up: ${lastError}`,
  standing: outcome === 'accepted' ? 'the receiver has it' : NOTHING_MORE,
  taker: 'the receiver',
  all: 'all events',
})
