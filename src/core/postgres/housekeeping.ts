import { deleteOldSignInNetworks } from './accounts/accounts.ts'
import { deleteOldAuditRows } from './accounts/audit.ts'
import { deleteOldGuesses } from './guesses.ts'
import {
  deleteAbandonedUsers,
  deleteOldMails,
  forgetOldIdempotencyKeys,
  type Place,
  START,
} from './old-registrations.ts'
import { deleteOldEvents, emptyOldEvents } from './outbox/events.ts'
import { deleteForeignReports } from './outbox/provider-reports.ts'
import type { Pool } from './pool.ts'
import { deleteExpiredCounters } from './rate-limits.ts'

const BATCH = 1000
// What WEBHOOK_GIVE_UP_AFTER is when it is not set.
const PAYLOAD_SECONDS = 3 * 86_400

type Sweep = (pool: Pool, signal: AbortSignal, payloadSeconds: number) => Promise<number>

export type HousekeepingTools = { pool: Pool; payloadSeconds?: number | undefined }

/**
 * Removes what is no longer needed, in short statements of a bounded batch, so that nothing is locked for long. Returns how
 * many rows of each kind. Two at once do no harm: each takes what the other has not locked. What fails keeps nothing else from
 * being removed; then it rejects with what failed. Events that wait for `payloadSeconds` say no more than an id.
 */
export const removeOldRows = async (
  { pool, payloadSeconds = PAYLOAD_SECONDS }: HousekeepingTools,
  { signal }: { signal: AbortSignal },
): Promise<Record<string, number>> => {
  const removed: Record<string, number> = {}
  const failures: unknown[] = []
  for (const [kind, sweep] of Object.entries(SWEEPS))
    removed[kind] = await sweep(pool, signal, payloadSeconds).catch((error: unknown) => {
      failures.push(error)
      return 0
    })
  if (failures.length > 0) throw new AggregateError(failures, 'not everything could be removed')
  return removed
}

const inBatches =
  (removeBatch: (pool: Pool, limit: number, payloadSeconds: number) => Promise<number>): Sweep =>
  async (pool, signal, payloadSeconds) => {
    let total = 0
    for (let count = BATCH; count === BATCH && !signal.aborted; total += count)
      count = await removeBatch(pool, BATCH, payloadSeconds)
    return total
  }

/** Goes once through all old registrations: those that have to stay are not looked at again and again. */
const sweepUsers: Sweep = async (pool, signal) => {
  let total = 0
  for (let place: Place | null = START; place !== null && !signal.aborted; ) {
    const { removed, next } = await deleteAbandonedUsers(pool, place, BATCH)
    total += removed
    place = next
  }
  return total
}

const SWEEPS: Record<string, Sweep> = {
  abandonedUsers: sweepUsers,
  idempotencyKeys: inBatches(forgetOldIdempotencyKeys),
  settledMails: inBatches(deleteOldMails),
  guesses: inBatches(deleteOldGuesses),
  rateLimits: inBatches(deleteExpiredCounters),
  foreignReports: inBatches(deleteForeignReports),
  signInNetworks: inBatches(deleteOldSignInNetworks),
  auditRows: inBatches(deleteOldAuditRows),
  events: inBatches(deleteOldEvents),
  eventPayloads: inBatches((pool, limit, payloadSeconds) => emptyOldEvents(pool, payloadSeconds, limit)),
}
