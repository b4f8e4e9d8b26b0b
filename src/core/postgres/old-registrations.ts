import { forgetInEvents } from './outbox/events.ts'
import { UNSETTLED } from './outbox/outbox-rows.ts'
import type { Pool } from './pool.ts'
import { transaction } from './transaction.ts'

// Of the tables users, codes and mails: what housekeeping removes.

/** Where a sweep goes on: after the registration of this moment and id. */
export type Place = { createdAt: string; id: string }

export const START: Place = { createdAt: '-infinity', id: '00000000-0000-0000-0000-000000000000' }

/**
 * Of the next `limit` registrations that nobody activated within a day it removes those that nobody can activate any more, with
 * their codes and mails, and of events that wait keeps their ids: no mail is on its way, and no code lives. `next` is null when there are no more. What is decided is decided
 * again while the rows are locked, as a resend may have come between.
 */
export const deleteAbandonedUsers = (
  pool: Pool,
  from: Place,
  limit: number,
): Promise<{ removed: number; next: Place | null }> =>
  transaction(pool, async (tx) => {
    const old = await tx.query<Place>(
      `select id, created_at::text as "createdAt"
       from users
       where activated_at is null
         and created_at <= now() - interval '24 hours'
         and created_at >= $1
         and (created_at, id) > ($1::timestamptz, $2::uuid)
       order by created_at, id
       limit $3
       for update skip locked`,
      [from.createdAt, from.id, limit],
    )
    // By `offset 0` each is looked up by itself: joined, all that waits might be read for each batch.
    const deleted = await tx.query<{ id: string }>(
      `delete from users
       where id = any($1::uuid[])
         and not exists (select from mails where mails.user_id = users.id and ${UNSETTLED} offset 0)
         and not exists (
           select from codes where codes.user_id = users.id and superseded_at is null and expires_at > now() offset 0
         )
       returning id`,
      [old.rows.map(({ id }) => id)],
    )
    if (deleted.rows.length > 0)
      await forgetInEvents(
        tx,
        deleted.rows.map(({ id }) => id),
      )
    const last = old.rows.at(-1) ?? null
    return { removed: deleted.rowCount ?? 0, next: old.rows.length === limit ? last : null }
  })

/** Frees idempotency keys that are older than a day. */
export const forgetOldIdempotencyKeys = async (pool: Pool, limit: number): Promise<number> => {
  const forgotten = await pool.query(
    `update users
     set idempotency_key = null, idempotency_digest = null
     where id in (
       select id
       from users
       where idempotency_key is not null and created_at <= now() - interval '24 hours'
       limit $1
       for update skip locked
     )`,
    [limit],
  )
  return forgotten.rowCount ?? 0
}

/**
 * Removes mails that were settled a week ago, and with them the codes that nobody asks for any more: of people who are active, and
 * those that newer ones replaced. Returns how many mails.
 */
export const deleteOldMails = async (pool: Pool, limit: number): Promise<number> => {
  const deleted = await pool.query<{ mails: number }>(
    `with old as (
       select id
       from mails
       where settled_at <= now() - interval '7 days'
       order by settled_at
       limit $1
       for update skip locked
     ), gone as (
       delete from mails
       where id in (select id from old)
       returning id, user_id
     ), codes_gone as (
       delete from codes
       where user_id in (select user_id from gone)
         and (superseded_at is not null or exists (
           select from users where users.id = codes.user_id and users.activated_at is not null
         ))
         and not exists (
           select from mails where mails.code_id = codes.id and mails.id not in (select id from gone)
         )
     )
     select count(*)::integer as mails
     from gone`,
    [limit],
  )
  return deleted.rows[0]?.mails ?? 0
}
