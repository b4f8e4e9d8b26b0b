import { rowOf } from '../connection/row-of.ts'
import { GUESSING, type Guessing, guessingValues, type MeasuredSurge } from '../guesses.ts'
import { UNSETTLED } from '../outbox/outbox-rows.ts'
import type { Pool } from '../pool.ts'

// Of the table codes: how the minute of a code is started, and of a fresh one in its place. At the mail's first try
// `claimMail` starts it (outbox/mail-claims.ts).

/** `guessing` decides whether the code is long enough; null when it is, whatever was guessed. */
export type Opening = {
  codeId: string
  ttlSeconds: number
  maxAttempts: number
  digest: Buffer
  guessing: Guessing | null
}

const NOT_ASKED: Guessing = { mailboxKeys: [], budgets: [], isSurge: false }

/**
 * Starts the code's time before the provider is called; one that is open already keeps its deadline. Does not open it, and changes
 * nothing, when the code may not leave: superseded, used up, its time half over, too short, or other bytes went under its key.
 */
export const openCode = async (pool: Pool, opening: Opening): Promise<{ isOpened: boolean; surge: MeasuredSurge }> => {
  const { guessing, ...code } = opening
  const opened = await pool.query<MeasuredSurge & { isOpened: boolean }>(
    `with ${GUESSING}, opened as (
       update codes
       set opened_at = coalesce(opened_at, now()),
         expires_at = coalesce(expires_at, now() + make_interval(secs => $6)),
         mail_digest = $8
       from guessed, surge
       where id = $5
         and superseded_at is null
         and attempts < $7
         and (expires_at is null or expires_at >= now() + make_interval(secs => $6 / 2.0))
         and (mail_digest is null or mail_digest = $8)
         and not "isOut"
         and not "isSurge"
       returning id
     )
     select exists (select from opened) as "isOpened", "wrongCodes", "isSurge"
     from surge`,
    [...guessingValues(guessing ?? NOT_ASKED), code.codeId, code.ttlSeconds, code.maxAttempts, code.digest],
  )
  const { isOpened, ...surge } = rowOf(opened.rows)
  return { isOpened, surge }
}

export type Replacement = {
  mailId: string
  token: string
  userId: string
  formerId: string
  fresh: { id: string; digits: number; keyId: string }
  ttlSeconds: number
  digest: Buffer
}

/**
 * Puts a fresh code, open already, in the place of the mail's. Holds back other changes of the registration, so that a resend and
 * a delivery never both make its next code. Gives false when the lease has passed on or the code was superseded meanwhile.
 */
export const replaceCode = async (pool: Pool, replacement: Replacement): Promise<boolean> => {
  const { fresh } = replacement
  const replaced = await pool.query(
    `with person as (
       select id
       from users
       where id = $3
       for no key update
     ), mail as (
       select mails.id
       from mails
       join person on person.id = mails.user_id
       where mails.id = $1 and mails.lease_token = $2 and mails.${UNSETTLED}
       for update of mails
     ), former as (
       update codes
       set superseded_at = now()
       from mail
       where codes.id = $4 and codes.superseded_at is null
       returning codes.user_id, mailbox_keys
     ), fresh as (
       insert into codes (id, user_id, digits, key_id, mailbox_keys, opened_at, expires_at, mail_digest)
       select $5, user_id, $6, $7, mailbox_keys, now(), now() + make_interval(secs => $8), $9
       from former
       returning id
     )
     update mails
     set code_id = fresh.id
     from fresh
     where mails.id = $1`,
    [
      replacement.mailId,
      replacement.token,
      replacement.userId,
      replacement.formerId,
      fresh.id,
      fresh.digits,
      fresh.keyId,
      replacement.ttlSeconds,
      replacement.digest,
    ],
  )
  return replaced.rowCount === 1
}
