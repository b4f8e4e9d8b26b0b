import type { Pool, Tx } from './pool.ts'

// Of the table mails: how a try ends.

export type Outcome = 'accepted' | 'refused' | 'given-up' | 'dropped'

export type Settlement = { outcome: Outcome; providerId?: string | null; error?: string }

/** How a mail has ended, and how long after it was asked for. */
export type Settled = { outcome: Outcome; afterSeconds: number }

/** Ends the mail. Gives null, and changes nothing, when the lease has passed to somebody else or the mail is settled. */
export const settleMail = async (
  db: Tx,
  id: string,
  token: string | null,
  settlement: Settlement,
): Promise<Settled | null> => {
  const settled = await db.query<Settled>(
    `update mails
     set settled_at = clock_timestamp(), outcome = $3, provider_id = $4, last_error = coalesce($5, last_error),
       retry_at = null, lease_token = null, lease_until = null
     where id = $1 and settled_at is null and lease_token is not distinct from $2
     returning outcome, extract(epoch from settled_at - created_at)::float8 as "afterSeconds"`,
    [id, token, settlement.outcome, settlement.providerId ?? null, settlement.error ?? null],
  )
  return settled.rows[0] ?? null
}

/** Gives the mail back for a later try. `retryAfterMs`, when the provider named a time, holds every try back until then. */
export const postponeMail = async (
  tx: Tx,
  id: string,
  token: string,
  error: string,
  retryAfterMs: number | null,
): Promise<boolean> => {
  const postponed = await tx.query(
    `update mails
     set last_error = $3, retry_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000), lease_token = null, lease_until = null
     where id = $1 and settled_at is null and lease_token = $2`,
    [id, token, error, retryAfterMs],
  )
  return postponed.rowCount === 1
}

/** Gives up the mails whose time has come, while no job runs that could; not those that are in somebody's hand. */
export const giveUpOverdueMails = async (pool: Pool, giveUpAfterSeconds: number): Promise<number> => {
  const given = await pool.query(
    `update mails
     set settled_at = clock_timestamp(), outcome = 'given-up', retry_at = null, lease_token = null, lease_until = null
     where id in (
       select id
       from mails
       where settled_at is null
         and started_at + make_interval(secs => $1) <= clock_timestamp()
         and (lease_until is null or lease_until <= clock_timestamp())
       for update skip locked
     )`,
    [giveUpAfterSeconds],
  )
  return given.rowCount ?? 0
}
