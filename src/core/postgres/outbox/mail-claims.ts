import type { Budget } from '../../process/config.ts'
import { CURRENT } from '../codes/codes.ts'
import { guessingSql, type MeasuredSurge } from '../guesses.ts'
import type { Pool } from '../pool.ts'
import { PENDING } from '../users.ts'
import { claimColumns, claiming } from './lease.ts'
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

export type ClaimedMail = MeasuredSurge & {
  /** Whether it is ours for the lease; else `outcome`, `waitMs` and `isHeldBack` say why not. */
  isClaimed: boolean
  outcome: Outcome | null
  /** Whether its code's time has been started, too: it is ready to leave as `opening` says. */
  isOpened: boolean
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

// The code of the claimed mail, when nobody can have it yet: $5 is its key, $6 the digest of what is sent, $7 how long it lives.
const OPENED = `opened as (
  update codes
  set opened_at = now(), expires_at = now() + make_interval(secs => $7), mail_digest = $6
  from claimed
  join users on users.id = claimed.user_id and ${PENDING}
  cross join guessed
  cross join surge
  where codes.id = claimed.code_id
    and ${CURRENT}
    and mail_digest is null
    and key_id = $5
    and not "isOut"
    and not "isSurge"
  returning codes.id
)`

/**
 * Takes the mail for one try, so that nobody else gets it while the lease runs, and reads all that the try needs. The code of a mail that
 * nobody can have yet is opened with it, as `openCode` would, so that most mails need no other statement before they leave. A mail that
 * is settled, taken, or held back by the provider is only read. Null when there is no such mail.
 */
export const claimMail = async (pool: Pool, claim: Claim): Promise<ClaimedMail | null> => {
  const { opening } = claim
  const { budgets, isSurge } = opening ?? { budgets: [], isSurge: false }
  const found = await pool.pipelined<ClaimedMail>(
    `with claimed as (
       ${claiming('mails')}
       returning attempts, user_id, code_id
     ), ${guessingSql('(select mailbox_keys from codes join claimed on claimed.code_id = codes.id)', '$8', '$9', '$10')}, ${OPENED}
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
       codes.mail_digest as "mailDigest",
       opened.id is not null as "isOpened",
       surge."wrongCodes", surge."isSurge"
     from mails
     join users on users.id = mails.user_id
     join codes on codes.id = mails.code_id
     left join users as owner on owner.email = users.email and owner.activated_at is not null and owner.id <> users.id
     left join claimed on true
     left join opened on true
     cross join surge
     where mails.id = $1`,
    [
      ...[claim.mailId, claim.token, claim.leaseSeconds, claim.giveUpAfterSeconds],
      ...[opening?.keyId, opening?.digest, opening?.ttlSeconds],
      ...[budgets.map(({ max }) => max), budgets.map(({ seconds }) => seconds), isSurge],
    ],
  )
  return found.rows[0] ?? null
}
