import type { Outcome } from './mail-outcomes.ts'
import type { Pool, Tx } from './pool.ts'

// Of the table mails: how one try to deliver gets a mail, and nobody else does.

export type Lease = { mailId: string; token: string; seconds: number; jobAttempt: number }

/**
 * Takes the mail for one try: `seconds` long nobody else gets it. Gives false when it is settled, taken by somebody else,
 * or not to be sent before the time that the provider asked for.
 */
export const claimMail = async (tx: Tx, lease: Lease): Promise<boolean> => {
  const claimed = await tx.query(
    `update mails
     set lease_token = $2,
       lease_until = clock_timestamp() + make_interval(secs => $3),
       job_attempt = $4,
       attempts = attempts + 1
     where id = $1
       and settled_at is null
       and (lease_until is null or lease_until <= clock_timestamp())
       and (retry_at is null or retry_at <= clock_timestamp())`,
    [lease.mailId, lease.token, lease.seconds, lease.jobAttempt],
  )
  return claimed.rowCount === 1
}

/** Keeps the mail for `seconds` more. Does nothing when it has passed to somebody else or is settled. */
export const renewLease = async (pool: Pool, { mailId, token, seconds }: Omit<Lease, 'jobAttempt'>): Promise<void> => {
  await pool.query(
    `update mails
     set lease_until = clock_timestamp() + make_interval(secs => $3)
     where id = $1 and settled_at is null and lease_token = $2`,
    [mailId, token, seconds],
  )
}

/** Starts a refused or given-up mail over, when its job has failed since it was settled: an operator retried it. */
export const reviveMail = async (tx: Tx, id: string, jobAttempt: number): Promise<boolean> => {
  const revived = await tx.query(
    `update mails
     set settled_at = null, outcome = null, retry_at = null, attempts = 0, started_at = clock_timestamp()
     where id = $1 and outcome in ('refused', 'given-up') and job_attempt < $2`,
    [id, jobAttempt],
  )
  return revived.rowCount === 1
}

export type MailStanding = { outcome: Outcome | null; waitMs: number; giveUpInMs: number; isHeldBack: boolean }

/**
 * Why a mail could not be claimed. `waitMs` is the time until it can be; `isHeldBack` when the provider asked for that time;
 * `giveUpInMs` is the time until it is given up, negative when that has come.
 */
export const findMailStanding = async (
  tx: Tx,
  id: string,
  giveUpAfterSeconds: number,
): Promise<MailStanding | null> => {
  const found = await tx.query<MailStanding>(
    `select outcome,
       greatest(0, extract(epoch from greatest(lease_until, retry_at) - clock_timestamp()) * 1000)::float8 as "waitMs",
       (extract(epoch from started_at + make_interval(secs => $2) - clock_timestamp()) * 1000)::float8 as "giveUpInMs",
       lease_until is null or lease_until <= clock_timestamp() as "isHeldBack"
     from mails
     where id = $1`,
    [id, giveUpAfterSeconds],
  )
  return found.rows[0] ?? null
}

export type ClaimedMail = {
  requestId: string
  attempts: number
  userId: string
  email: string
  ref: string
  isUserActive: boolean
  isAddressTaken: boolean
  codeId: string
  digits: number
  keyId: string
  codeAttempts: number
  isCodeSuperseded: boolean
  /** Seconds left of a code whose earlier try was never answered; null when nobody can have it. */
  codeSecondsLeft: number | null
  /** Negative when the time to give up has come. */
  giveUpInMs: number
}

/** What a claimed mail is about. `isAddressTaken`: the address is active through another registration. */
export const readClaimedMail = async (tx: Tx, id: string, giveUpAfterSeconds: number): Promise<ClaimedMail> => {
  const found = await tx.query<ClaimedMail>(
    `select mails.attempts, users.email, users.ref, codes.digits,
       mails.request_id as "requestId",
       users.id as "userId",
       users.activated_at is not null as "isUserActive",
       exists (
         select 1
         from users as other
         where other.email = users.email and other.activated_at is not null and other.id <> users.id
       ) as "isAddressTaken",
       codes.id as "codeId",
       codes.key_id as "keyId",
       codes.attempts as "codeAttempts",
       codes.superseded_at is not null as "isCodeSuperseded",
       extract(epoch from codes.expires_at - clock_timestamp())::float8 as "codeSecondsLeft",
       (extract(epoch from mails.started_at + make_interval(secs => $2) - clock_timestamp()) * 1000)::float8 as "giveUpInMs"
     from mails
     join users on users.id = mails.user_id
     join codes on codes.id = mails.code_id
     where mails.id = $1`,
    [id, giveUpAfterSeconds],
  )
  const [mail] = found.rows
  if (!mail) throw new Error('a claimed mail is gone')
  return mail
}

export const setMailCode = async (tx: Tx, id: string, codeId: string): Promise<void> => {
  await tx.query('update mails set code_id = $2 where id = $1', [id, codeId])
}

/** Remembers that a job which could not take the mail has failed so often: its next run is no operator's retry. */
export const noteJobAttempt = async (tx: Tx, id: string, jobAttempt: number): Promise<void> => {
  await tx.query('update mails set job_attempt = greatest(job_attempt, $2) where id = $1 and settled_at is null', [
    id,
    jobAttempt,
  ])
}
