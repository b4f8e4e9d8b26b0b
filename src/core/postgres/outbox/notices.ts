import type { Pool } from '../pool.ts'

// Of the tables users and mails: the notice that the owner of an address gets in place of a stranger's code, one a day.

/**
 * Takes the day's notice to the owner of the address for this mail, and gives the idempotency key for these bytes: the mail's id,
 * or `freshKey` when others went, or may have gone, under the former key. Null when another mail has the day's notice.
 */
export const takeNotice = async (
  pool: Pool,
  notice: { mailId: string; email: string; digest: Buffer; freshKey: string },
): Promise<string | null> => {
  const taken = await pool.query<{ key: string }>(
    `with owner as (
       update users
       set noticed_at = now(), notice_mail_id = $2
       where email = $1 and activated_at is not null
         and (notice_mail_id = $2 or noticed_at is null or noticed_at <= now() - interval '1 day')
       returning 1
     )
     update mails
     set notice_digest = $3,
       notice_key = case
         when notice_digest is null then id
         when notice_digest = $3 then notice_key
         else $4
       end
     from owner
     where mails.id = $2
     returning notice_key as key`,
    [notice.email, notice.mailId, notice.digest, notice.freshKey],
  )
  return taken.rows[0]?.key ?? null
}

/** The word with which the provider refused the day's notice to the owner of the address; null when it did not. */
export const findNoticeRefusal = async (pool: Pool, email: string): Promise<string | null> => {
  const found = await pool.query<{ error: string | null }>(
    `select notice.last_error as error
     from users
     join mails as notice on notice.id = users.notice_mail_id
     where users.email = $1 and users.activated_at is not null and notice.outcome = 'refused'`,
    [email],
  )
  return found.rows[0]?.error ?? null
}
