import type { Pool } from './pool.ts'

/** The channel that wakes the relays. */
export const MAILS_CHANNEL = 'latchkey_mails'

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
