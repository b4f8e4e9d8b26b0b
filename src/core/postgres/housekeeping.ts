import { deleteOldGuesses } from './guesses.ts'
import { deleteOldMails } from './mails.ts'
import type { Pool } from './pool.ts'
import { deleteExpiredCounters } from './rate-limits.ts'
import { deleteAbandonedUsers, forgetOldIdempotencyKeys } from './user-removal.ts'

const BATCH = 1000

export type Removed = Record<'abandonedUsers' | 'idempotencyKeys' | 'settledMails' | 'guesses' | 'rateLimits', number>

/**
 * Removes what is no longer needed, in short statements of a bounded batch, so that nothing is locked for long. Returns how
 * many rows of each kind. Two at once do no harm: each takes what the other has not locked.
 */
export const keepHouse = async (pool: Pool, signal: AbortSignal): Promise<Removed> => ({
  abandonedUsers: await sweep(deleteAbandonedUsers, pool, signal),
  idempotencyKeys: await sweep(forgetOldIdempotencyKeys, pool, signal),
  settledMails: await sweep(deleteOldMails, pool, signal),
  guesses: await sweep(deleteOldGuesses, pool, signal),
  rateLimits: await sweep(deleteExpiredCounters, pool, signal),
})

const sweep = async (
  removeBatch: (pool: Pool, limit: number) => Promise<number>,
  pool: Pool,
  signal: AbortSignal,
): Promise<number> => {
  let total = 0
  for (let count = BATCH; count === BATCH && !signal.aborted; total += count) count = await removeBatch(pool, BATCH)
  return total
}
