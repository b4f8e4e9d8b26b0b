import { forgetInEvents, insertDeletedEvent, insertEvent } from '../postgres/outbox/events.ts'
import type { Tx } from '../postgres/transaction.ts'
import { activeTraceContext } from '../process/telemetry/tracing.ts'

/** Whether there is somebody to tell events to. When there is nobody, none is raised. */
export type EventTools = { raisesEvents: boolean }

/** Raises an event about a registration as it is now, in the transaction that makes it true. */
export const raiseEvent = async (
  { raisesEvents }: EventTools,
  tx: Tx,
  type: 'user.activated' | 'user.password-changed',
  userId: string,
): Promise<void> => {
  if (raisesEvents) await insertEvent(tx, { type, userId, traceContext: activeTraceContext() })
}

/** What a deletion has to do with events, in its transaction, after the registration's row is gone. */
export const raiseDeletion = async ({ raisesEvents }: EventTools, tx: Tx, userId: string): Promise<void> => {
  await Promise.all([
    forgetInEvents(tx, [userId]),
    raisesEvents && insertDeletedEvent(tx, userId, activeTraceContext()),
  ])
}
