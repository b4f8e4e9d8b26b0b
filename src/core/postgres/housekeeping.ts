import { deleteOldSignInNetworks } from './accounts/accounts.ts'
import { deleteOldAuditRows } from './accounts/audit.ts'
import { deleteExpiredCounters } from './budgets.ts'
import { deleteOldGuesses } from './guesses.ts'
import { deleteOldMails } from './mails.ts'
import { deleteOldEvents, emptyOldEvents } from './outbox/events.ts'
import { deleteForeignReports } from './outbox/provider-reports.ts'
import type { Pool } from './pool.ts'
import { deleteAbandonedUsers, forgetOldIdempotencyKeys, type Place, START } from './user-removal.ts'

const BATCH = 1000
// What WEBHOOK_GIVE_UP_AFTER is when it is not set.
const PAYLOAD_SECONDS = 3 * 86_400

export type Removed = Record<
  | 'abandonedUsers'
  | 'idempotencyKeys'
  | 'settledMails'
  | 'guesses'
  | 'rateLimits'
  | 'foreignReports'
  | 'signInNetworks'
  | 'auditRows'
  | 'events'
  | 'eventPayloads',
  number
>

/**
 * Removes what is no longer needed, in short statements of a bounded batch, so that nothing is locked for long. Returns how
 * many rows of each kind. Two at once do no harm: each takes what the other has not locked. What fails keeps nothing else from
 * being removed; then it rejects with what failed. Events that wait for `payloadSeconds` say no more than an id.
 */
export const keepHouse = async (
  pool: Pool,
  signal: AbortSignal,
  payloadSeconds = PAYLOAD_SECONDS,
): Promise<Removed> => {
  const removed: Removed = {
    abandonedUsers: 0,
    idempotencyKeys: 0,
    settledMails: 0,
    guesses: 0,
    rateLimits: 0,
    foreignReports: 0,
    signInNetworks: 0,
    auditRows: 0,
    events: 0,
    eventPayloads: 0,
  }
  const failures: unknown[] = []
  const sweeps = {
    abandonedUsers: () => sweepUsers(pool, signal),
    idempotencyKeys: () => sweep(forgetOldIdempotencyKeys, pool, signal),
    settledMails: () => sweep(deleteOldMails, pool, signal),
    guesses: () => sweep(deleteOldGuesses, pool, signal),
    rateLimits: () => sweep(deleteExpiredCounters, pool, signal),
    foreignReports: () => sweep(deleteForeignReports, pool, signal),
    signInNetworks: () => sweep(deleteOldSignInNetworks, pool, signal),
    auditRows: () => sweep(deleteOldAuditRows, pool, signal),
    events: () => sweep(deleteOldEvents, pool, signal),
    eventPayloads: () => sweep((db, limit) => emptyOldEvents(db, payloadSeconds, limit), pool, signal),
  } satisfies Record<keyof Removed, () => Promise<number>>
  for (const kind of KINDS)
    await sweeps[kind]().then(
      (count) => {
        removed[kind] = count
      },
      (error: unknown) => failures.push(error),
    )
  if (failures.length > 0) throw new AggregateError(failures, 'not everything could be removed')
  return removed
}

const KINDS = [
  'abandonedUsers',
  'idempotencyKeys',
  'settledMails',
  'guesses',
  'rateLimits',
  'foreignReports',
  'signInNetworks',
  'auditRows',
  'events',
  'eventPayloads',
] as const

const sweep = async (
  removeBatch: (pool: Pool, limit: number) => Promise<number>,
  pool: Pool,
  signal: AbortSignal,
): Promise<number> => {
  let total = 0
  for (let count = BATCH; count === BATCH && !signal.aborted; total += count) count = await removeBatch(pool, BATCH)
  return total
}

/** Goes once through all old registrations: those that have to stay are not looked at again and again. */
const sweepUsers = async (pool: Pool, signal: AbortSignal): Promise<number> => {
  let total = 0
  for (let place: Place | null = START; place !== null && !signal.aborted; ) {
    const { removed, next } = await deleteAbandonedUsers(pool, place, BATCH)
    total += removed
    place = next
  }
  return total
}
