import type { Pool } from '../pool.ts'
import { claimColumns, claiming } from './lease.ts'
import { type Outcome, UNFLUSHED } from './outbox-rows.ts'

// Of the table mails: how one try to deliver gets a mail with all that it needs, and nobody else does.

export type Claim = { mailId: string; token: string; leaseSeconds: number; giveUpAfterSeconds: number }

export type ClaimedMail = {
  /** Whether it is ours for the lease; else `outcome`, `waitMs` and `isHeldBack` say why not. */
  isClaimed: boolean
  outcome: Outcome | null
  /** The time until it can be claimed; `isHeldBack` when the provider asked for that time. */
  waitMs: number
  isHeldBack: boolean
  requestId: string
  attempts: number
  userId: string
  email: string
  ref: string
  locale: string
  isUserActive: boolean
  /** The address is active through another registration. */
  isAddressTaken: boolean
  /** The language of the address's owner. */
  ownerLocale: string | null
  codeId: string
  digits: number
  keyId: string
  codeAttempts: number
  isCodeSuperseded: boolean
  /** Seconds left of a code whose earlier try was never answered; null when nobody can have it. */
  codeSecondsLeft: number | null
  /** What went under the code's key before; null when nothing did. */
  mailDigest: Buffer | null
  /** Negative when the time to give up has come. */
  giveUpInMs: number
}

/**
 * Takes the mail for one try, so that nobody else gets it while the lease runs, and reads all that the try needs. A mail that is
 * settled, taken, or held back by the provider is only read. Null when there is no such mail.
 */
export const claimMail = async (pool: Pool, claim: Claim): Promise<ClaimedMail | null> => {
  const found = await pool.query<ClaimedMail>(
    `with ${UNFLUSHED}, claimed as (
       ${claiming('mails')}
       returning attempts
     )
     select ${claimColumns('mails')},
       coalesce(mails.retry_at > now() and (mails.lease_until is null or mails.lease_until <= now()), false) as "isHeldBack",
       mails.request_id as "requestId",
       users.id as "userId",
       users.email, users.ref, users.locale,
       users.activated_at is not null as "isUserActive",
       owner.id is not null as "isAddressTaken",
       owner.locale as "ownerLocale",
       codes.id as "codeId",
       codes.digits,
       codes.key_id as "keyId",
       codes.attempts as "codeAttempts",
       codes.superseded_at is not null as "isCodeSuperseded",
       extract(epoch from codes.expires_at - now())::float8 as "codeSecondsLeft",
       codes.mail_digest as "mailDigest"
     from mails
     join users on users.id = mails.user_id
     join codes on codes.id = mails.code_id
     left join users as owner on owner.email = users.email and owner.activated_at is not null and owner.id <> users.id
     left join claimed on true
     cross join unflushed
     where mails.id = $1`,
    [claim.mailId, claim.token, claim.leaseSeconds, claim.giveUpAfterSeconds],
  )
  return found.rows[0] ?? null
}

/** `guessing` decides whether the code is long enough; null when it is, whatever was guessed. */
