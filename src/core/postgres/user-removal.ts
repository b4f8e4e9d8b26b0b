import type { Pool } from './pool.ts'

// Of the table users: what housekeeping removes.

/** Removes registrations that nobody activated within a day, with their codes and mails; not while a mail is on its way. */
export const deleteAbandonedUsers = async (pool: Pool, limit: number): Promise<number> => {
  const deleted = await pool.query(
    `delete from users
     where id in (
       select id
       from users
       where activated_at is null
         and created_at <= now() - interval '24 hours'
         and not exists (select 1 from mails where mails.user_id = users.id and settled_at is null)
       order by created_at
       limit $1
       for update skip locked
     )`,
    [limit],
  )
  return deleted.rowCount ?? 0
}

/** Frees idempotency keys that are older than a day. */
export const forgetOldIdempotencyKeys = async (pool: Pool, limit: number): Promise<number> => {
  const forgotten = await pool.query(
    `update users
     set idempotency_key = null
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
