import type { Pool } from '../pool.ts'

// Of the tables mails and codes: how an operator starts failed mails over.

/**
 * Starts one refused or given-up mail over, see `retryFailedMails`. Gives false when it has not ended so. Written so that no index of all
 * that failed is gone through for one id.
 */
export const retryFailedMail = async (pool: Pool, id: string): Promise<boolean> =>
  (await startOver(pool, "id = $1 and coalesce(outcome, '') in ('refused', 'given-up')", id)) === 1

/**
 * Starts up to `limit` refused and given-up mails over, as an operator wants: with a fresh code under a fresh key, and with the
 * whole time before they are given up. Returns how many.
 */
export const retryFailedMails = (pool: Pool, limit: number): Promise<number> =>
  startOver(pool, "outcome in ('refused', 'given-up') order by settled_at limit $1", limit)

// The operator's own retry of the job comes first; a job that the queue does not hold is made anew by the relay.
const RETRY_SECONDS = 5

const startOver = async (pool: Pool, which: string, value: string | number): Promise<number> => {
  const restarted = await pool.query(
    `with failed as (
       select id
       from mails
       where ${which}
       for update skip locked
     ), restarted as (
       update mails
       set settled_at = null, outcome = null, lease_token = null, lease_until = null, attempts = 0, failing_since = null,
         next_offer_at = now() + make_interval(secs => $2),
         notice_digest = case when notice_digest is not null then ''::bytea end
       from failed
       where mails.id = failed.id
       returning mails.code_id
     )
     update codes
     set mail_digest = ''
     from restarted
     where codes.id = restarted.code_id`,
    [value, RETRY_SECONDS],
  )
  return restarted.rowCount ?? 0
}
