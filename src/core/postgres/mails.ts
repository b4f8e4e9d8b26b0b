import { channelSql } from './connection/installation.ts'
import type { Pool, Tx } from './pool.ts'

/** The channel that wakes the relays. */
export const MAILS_CHANNEL = 'latchkey_mails'

/** Enqueues a mail: when the transaction commits, the relays are told, and would find the row without being told. */
export const insertMail = async (
  tx: Tx,
  mail: { id: string; userId: string; codeId: string; requestId: string; traceContext: string | null },
): Promise<void> => {
  await tx.query('insert into mails (id, user_id, code_id, request_id, trace_context) values ($1, $2, $3, $4, $5)', [
    mail.id,
    mail.userId,
    mail.codeId,
    mail.requestId,
    mail.traceContext,
  ])
  await tx.query(`select pg_notify(${channelSql('$1')}, '')`, [MAILS_CHANNEL])
}

/** `offers` counts this offer too; `delayMs` is how long the provider still wants it held back. */
export type OfferedMail = {
  id: string
  offers: number
  createdAt: Date
  delayMs: number
  traceContext: string | null
}

/**
 * Marks up to `limit` unsettled mails as offered: those that never were, and those whose last offer is some seconds ago
 * (5, 10, 20, then every 40, as the queue may have lost them). Two relays never get the same one at the same time.
 */
export const takeMailsToOffer = async (tx: Tx, limit: number): Promise<OfferedMail[]> => {
  const taken = await tx.query<OfferedMail>(
    `with due as (
       select id
       from mails
       where settled_at is null
         and (offered_at is null or offered_at <= clock_timestamp() - make_interval(secs => least(40, 2.5 * 2 ^ least(offers, 10))))
       order by offered_at nulls first, created_at
       limit $1
       for update skip locked
     )
     update mails
     set offered_at = clock_timestamp(), offers = offers + 1
     from due
     where mails.id = due.id
     returning mails.id, offers,
       created_at as "createdAt",
       trace_context as "traceContext",
       greatest(0, ceil(extract(epoch from retry_at - clock_timestamp()) * 1000))::float8 as "delayMs"`,
    [limit],
  )
  return taken.rows
}

export type MailTagRow = { requestId: string; ref: string; email: string; attempts: number }

/** What tells a mail's log lines from those of others. */
export const findMailTag = async (pool: Pool, id: string): Promise<MailTagRow | null> => {
  const found = await pool.query<MailTagRow>(
    `select mails.request_id as "requestId", users.ref, users.email, mails.attempts
     from mails
     join users on users.id = mails.user_id
     where mails.id = $1`,
    [id],
  )
  return found.rows[0] ?? null
}

/** Milliseconds for which the oldest unsettled mail has not been offered to the queue; 0 when there is none. */
export const measureRelayLag = async (pool: Pool): Promise<number> => {
  const lag = await pool.query<{ ms: number }>(
    `select coalesce(extract(epoch from clock_timestamp() - min(created_at)) * 1000, 0)::float8 as ms
     from mails
     where settled_at is null and offered_at is null`,
  )
  return lag.rows[0]?.ms ?? 0
}

export type Backlog = { unsettled: number; oldestSeconds: number }

/** How many mails have not ended, and the age of the oldest; 0 when there is none. */
export const measureBacklog = async (pool: Pool): Promise<Backlog> => {
  const measured = await pool.query<Backlog>(
    `select count(*)::integer as unsettled,
       coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as "oldestSeconds"
     from mails
     where settled_at is null`,
  )
  return measured.rows[0] ?? { unsettled: 0, oldestSeconds: 0 }
}

/** Removes mails that were settled a week ago. */
export const deleteOldMails = async (pool: Pool, limit: number): Promise<number> => {
  const deleted = await pool.query(
    `delete from mails
     where id in (
       select id
       from mails
       where settled_at <= now() - interval '7 days'
       limit $1
       for update skip locked
     )`,
    [limit],
  )
  return deleted.rowCount ?? 0
}
