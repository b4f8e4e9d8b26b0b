import type { Pool } from '../pool.ts'
import { type OutboxTable, UNSETTLED } from './outbox-rows.ts'

// The lease of a row of an outbox, as parts of the statements that claim it, hold it and give it back.

/**
 * Takes the row $1 under the token $2 for $3 seconds: nobody else gets it meanwhile. Not one that is settled, taken, or held back
 * by the receiver. A row whose job was made of its announcement is marked as offered by it, as no relay did.
 */
export const claiming = (table: OutboxTable): string =>
  `update ${table}
   set lease_token = $2, lease_until = now() + make_interval(secs => $3), attempts = attempts + 1,
     offered_at = coalesce(offered_at, now()), offers = greatest(offers, 1),
     next_offer_at = case when next_offer_at = '-infinity' then now() + make_interval(secs => $3) else next_offer_at end
   where id = $1
     and ${UNSETTLED}
     and (lease_until is null or lease_until <= now())
     and (retry_at is null or retry_at <= now())`

/** SQL for how long a row may be tried yet that is given up `seconds` after it could first be delivered; negative when that is over. */
export const giveUpInMs = (table: OutboxTable, row: string, seconds: string): string =>
  `coalesce(extract(epoch from greatest(${row}.failing_since, (
     select possible_since from outboxes where kind = '${table}' and ${row}.failing_since is not null
   )) - now()), 0)::float8 * 1000 + ${seconds} * 1000 as "giveUpInMs"`

/** SQL for the time until a row can be claimed that cannot be now. */
export const WAIT_MS =
  'greatest(0, extract(epoch from greatest(lease_until, retry_at) - now()) * 1000)::float8 as "waitMs"'

/** The row $1 while it is held under the token $2. A settled row keeps its token: who lost the answer finds that it was his. */
export const OURS = `id = $1 and ${UNSETTLED} and lease_token = $2`

// A job may be some seconds late before the queue is taken to have lost it.
const LATE_SECONDS = 10

/** Gives a row of ours back, for the fixed word $3: its job tries again in $4 milliseconds, and nobody within $5, if that is given. */
export const POSTPONING = `last_error = $3,
  failing_since = coalesce(failing_since, now()),
  retry_at = now() + make_interval(secs => $5::float8 / 1000),
  next_offer_at = now() + make_interval(secs => $4::float8 / 1000 + ${LATE_SECONDS}),
  lease_token = null,
  lease_until = null`

/** Keeps the row for `seconds` more. Does nothing when it has passed to somebody else or is settled. */
export const renewLease = async (
  pool: Pool,
  table: OutboxTable,
  lease: { id: string; token: string; seconds: number },
): Promise<void> => {
  await pool.query(
    `update ${table}
     set lease_until = now() + make_interval(secs => $3)
     where ${OURS}`,
    [lease.id, lease.token, lease.seconds],
  )
}
