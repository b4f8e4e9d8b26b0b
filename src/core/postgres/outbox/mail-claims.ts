import type { Budget } from '../../process/config.ts'
import { CURRENT } from '../codes/codes.ts'
import { guessedOutSql, type MeasuredSurge, surgeSql } from '../guesses.ts'
import type { Pool } from '../pool.ts'
import { claiming, giveUpInMs, WAIT_MS } from './lease.ts'
import type { Outcome } from './outbox-rows.ts'

// Of the table mails: how one try to deliver gets a mail with all that it needs, and nobody else does. The claim
// of the first try also starts the code's minute; later ones do it by codes/code-minute.ts.

/** `opening` is for a mail that nobody can have yet; null when it is not known where it goes. */
export type Claim = {
  mailId: string
  token: string
  leaseSeconds: number
  giveUpAfterSeconds: number
  opening: FirstOpening | null
}

/** `keyId` is of the newest secret, under which the code must be; `digest` is of what leaves. */
export type FirstOpening = {
  keyId: string
  digest: Buffer
  ttlSeconds: number
  budgets: Budget[]
  isSurge: boolean | null
}

/** Whom a mail is for, and how many tries it has had. */
export type Attempted = { requestId: string; email: string; ref: string; attempts: number }

export type ClaimedMail = Attempted &
  MeasuredSurge & {
    /** Whether its code's time has been started, too: it is ready to leave as `opening` says. */
    isOpened: boolean
    userId: string
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

// The code of the claimed mail, when nobody can have it yet: $5 is its key, $6 the digest of what is sent, $7 how long it lives.
const OPENED = `opened as (
  update codes
  set opened_at = now(), expires_at = now() + make_interval(secs => $7), mail_digest = $6
  from mail, surge
  where codes.id = mail."codeId"
    and not mail."isUserActive"
    and ${CURRENT}
    and codes.mail_digest is null
    and codes.key_id = $5
    and not ${guessedOutSql('codes.mailbox_keys', '$8', '$9')}
    and not "isSurge"
  returning codes.id
)`

/**
 * Takes the mail for one try, so that nobody else gets it while the lease runs, and reads all that the try needs. The code of a mail that
 * nobody can have yet is opened with it, as `openCode` would, so that most mails need no other statement before they leave. Null when
 * there is no such mail, or it is settled, taken, or held back by the provider: `findUnclaimed` tells.
 */
export const claimMail = async (pool: Pool, claim: Claim): Promise<ClaimedMail | null> => {
  const { opening } = claim
  const { budgets, isSurge } = opening ?? { budgets: [], isSurge: false }
  // Each row is read once, and what follows takes it from there: of a statement so short PostgreSQL's work is to start and end its parts.
  const found = await pool.pipelined<ClaimedMail>(
    `with claimed as (
       ${claiming('mails')}
       returning attempts, user_id, code_id, request_id, failing_since
     ), mail as (
       select claimed.attempts,
         claimed.request_id as "requestId",
         ${giveUpInMs('mails', 'claimed', '$4')},
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
       from claimed
       join users on users.id = claimed.user_id
       join codes on codes.id = claimed.code_id
       left join users as owner on owner.email = users.email and owner.activated_at is not null and owner.id <> users.id
     ), ${surgeSql('$10')}, ${OPENED}
     select mail.*, opened.id is not null as "isOpened", surge."wrongCodes", surge."isSurge"
     from mail
     cross join surge
     left join opened on true`,
    [
      ...[claim.mailId, claim.token, claim.leaseSeconds, claim.giveUpAfterSeconds],
      ...[opening?.keyId, opening?.digest, opening?.ttlSeconds],
      ...[budgets.map(({ max }) => max), budgets.map(({ seconds }) => seconds), isSurge],
    ],
  )
  return found.rows[0] ?? null
}

/** A mail that cannot be claimed: it has an `outcome`, is taken by another try, or held back for `waitMs` as the provider asked. */
export type UnclaimedMail = Attempted & {
  outcome: Outcome | null
  waitMs: number
  isHeldBack: boolean
  giveUpInMs: number
}

/** Tells why a mail could not be claimed. Null when there is no such mail. */
export const findUnclaimed = async (
  pool: Pool,
  mailId: string,
  giveUpAfterSeconds: number,
): Promise<UnclaimedMail | null> => {
  const found = await pool.pipelined<UnclaimedMail>(
    `select outcome, ${WAIT_MS},
       coalesce(retry_at > now() and (lease_until is null or lease_until <= now()), false) as "isHeldBack",
       request_id as "requestId",
       attempts,
       ${giveUpInMs('mails', 'mails', '$2')},
       users.email, users.ref
     from mails
     join users on users.id = mails.user_id
     where mails.id = $1`,
    [mailId, giveUpAfterSeconds],
  )
  return found.rows[0] ?? null
}
