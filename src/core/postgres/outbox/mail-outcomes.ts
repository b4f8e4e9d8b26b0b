import type { Pool } from '../pool.ts'
import { raisingUndeliverable } from './event-parts.ts'
import { OURS, POSTPONING } from './lease.ts'
import { type Outcome, UNSETTLED } from './outbox-rows.ts'

// Of the tables mails and codes: how a try ends. Each statement ends both, and does so again, to no effect, for whoever lost its answer.

/** How a mail has ended, and how long after it was asked for. */
export type Settled = { outcome: Outcome; afterSeconds: number }

export type Settlement = {
  mailId: string
  token: string
  outcome: Outcome
  /** Which provider took it, and under which id of its own, if it gave one. */
  provider?: string
  providerId?: string | null
  /** Nothing left, as the owner of the address was told today: the mail shares the fate of that notice. */
  isHeldBack?: boolean
  error?: string
  /** How long ago the provider answered. */
  agoSeconds?: number
  ttlSeconds: number
  code: CodeEnd
  /** Whether a mail that does not arrive is an event. */
  raisesEvents: boolean
}

/**
 * What becomes of the mail's code. `sent`: its time starts at the provider's answer. `sent-before`: an earlier try was never
 * answered, so somebody may have had the code since then, and the deadline of that try stays. `closed`: nobody has it. `kept`: as it is.
 */
export type CodeEnd = 'sent' | 'sent-before' | 'closed' | 'kept'

// What is known already of the fate of the mail $1, as one row: of one that the provider $6 took as $4, what it reported of it; of one that
// stands behind a notice, what became of that; of any other, nothing.
const FATES = {
  reported: `fate as (
       insert into provider_reports as report (provider, provider_id, mail_id)
       select $6, $4, id
       from mails
       where ${OURS}
       on conflict (provider, provider_id) do update
       set mail_id = excluded.mail_id
       returning null::uuid as stands_for,
         case when delivered_at is not null then greatest(delivered_at, now()) end as delivered_at,
         case when bounced_at is not null then now() end as bounced_at,
         bounce
     )`,
  noticed: `fate as (
       select notice.id as stands_for, now() + (notice.delivered_at - notice.settled_at) as delivered_at, now() + (notice.bounced_at - notice.settled_at) as bounced_at, notice.bounce
       from mails
       join users on users.id = mails.user_id
       left join users as owner on owner.email = users.email and owner.activated_at is not null
       left join mails as notice on notice.id = owner.notice_mail_id
       where mails.id = $1
     )`,
  unknown: `fate as (
       select null::uuid as stands_for, null::timestamptz as delivered_at, null::timestamptz as bounced_at, null::text as bounce
     )`,
}

const endingCode = (values: string) => `, code as (
       update codes
       set ${values}
       from settled
       where codes.id = settled.code_id
     )`

const endingSent = (expiresAt: string) =>
  endingCode(`sent_at = accepted_at,
         opened_at = case when accepted_at is not null then coalesce(opened_at, accepted_at) end,
         expires_at = ${expiresAt}`)

// The end of the code of the mail that is `settled`; it was accepted $7 seconds ago, unless it bounced already. A code lives $8 seconds.
const CODE_ENDS: Record<CodeEnd, string> = {
  sent: endingSent('accepted_at + make_interval(secs => $8)'),
  'sent-before': endingSent('case when accepted_at is not null then coalesce(expires_at, now()) end'),
  closed: endingCode('sent_at = null, opened_at = null, expires_at = null'),
  kept: '',
}

const RAISED = raisingUndeliverable(
  'settled',
  "ended.stands_for is null and (ended.outcome in ('refused', 'given-up') or ended.bounced_at is not null)",
)

const AFTER_SECONDS = 'extract(epoch from settled_at - created_at)::float8 as "afterSeconds"'

/**
 * Ends the mail, and its code's opening, in one. Gives null, and changes nothing, when the lease has passed to somebody else or
 * the mail was settled by another; who settled it with this token already gets the same answer again.
 */
export const settleMail = async (pool: Pool, settlement: Settlement): Promise<Settled | null> => {
  const { mailId, token, outcome, code, isHeldBack, raisesEvents } = settlement
  const { provider = null, providerId = null, error = null, agoSeconds = 0, ttlSeconds } = settlement
  const fate = isHeldBack ? 'noticed' : providerId === null ? 'unknown' : 'reported'
  // Only what it needs: PostgreSQL starts and ends also those parts that turn out to do nothing.
  const settled = await pool.pipelined<Settled>(
    `with ${FATES[fate]}, settled as (
       update mails
       set settled_at = now(), outcome = $3, provider_id = $4, provider = $6, last_error = coalesce($5, last_error), retry_at = null,
         stands_for = fate.stands_for, delivered_at = fate.delivered_at, bounced_at = fate.bounced_at, bounce = fate.bounce
       from fate
       where ${OURS}
       returning id, user_id, code_id, outcome, settled_at, created_at, mails.bounced_at, mails.stands_for, coalesce(mails.bounce, outcome) as reason,
         case when mails.bounced_at <= now() then null else now() - make_interval(secs => $7) end as accepted_at
     )${CODE_ENDS[code]}${raisesEvents ? `, ${RAISED}` : ''}
     select outcome, ${AFTER_SECONDS}
     from settled`,
    [...[mailId, token, outcome, providerId, error, provider, agoSeconds], ...(code === 'sent' ? [ttlSeconds] : [])],
  )
  return settled.rows[0] ?? findSettled(pool, { mailId, token, outcome })
}

/** The end that was recorded with this token, when its answer was lost. */
const findSettled = async (
  pool: Pool,
  { mailId, token, outcome }: Pick<Settlement, 'mailId' | 'token' | 'outcome'>,
): Promise<Settled | null> => {
  const found = await pool.pipelined<Settled>(
    `select outcome, ${AFTER_SECONDS}
     from mails
     where id = $1 and lease_token = $2 and outcome = $3`,
    [mailId, token, outcome],
  )
  return found.rows[0] ?? null
}

export type Postponement = {
  mailId: string
  token: string
  error: string
  /** When the job tries again. */
  inMs: number
  /** When the provider named a time: no try before it. */
  retryAfterMs: number | null
  code: 'closed' | 'kept'
  /** The key fits no bytes any more: the next try takes a fresh one. */
  isKeyUnusable: boolean
}

/** Gives the mail back for a later try. Gives false when the lease has passed to somebody else or the mail is settled. */
export const postponeMail = async (pool: Pool, postponement: Postponement): Promise<boolean> => {
  const postponed = await pool.pipelined(
    `with postponed as (
       update mails
       set ${POSTPONING},
         notice_digest = case when $7 and notice_digest is not null then '' else notice_digest end
       where ${OURS}
       returning code_id
     ), code as (
       update codes
       set opened_at = case when $6 = 'closed' then null else opened_at end,
         expires_at = case when $6 = 'closed' then null else expires_at end,
         mail_digest = case when $7 then '' else mail_digest end
       from postponed
       where codes.id = postponed.code_id and ($6 = 'closed' or $7)
     )
     select 1 from postponed`,
    [
      postponement.mailId,
      postponement.token,
      postponement.error,
      postponement.inMs,
      postponement.retryAfterMs,
      postponement.code,
      postponement.isKeyUnusable,
    ],
  )
  return postponed.rowCount === 1
}

/** Ends a mail that needs no try any more, or whose time to give up came while the provider held it back. */
export const endUntriedMail = async (
  pool: Pool,
  mailId: string,
  { outcome, raisesEvents }: { outcome: 'dropped' | 'given-up'; raisesEvents: boolean },
): Promise<Settled | null> => {
  const ended = await pool.query<Settled>(
    `with settled as (
       update mails
       set settled_at = now(), outcome = $2, retry_at = null
       where id = $1 and ${UNSETTLED} and (lease_until is null or lease_until <= now())
       returning id, user_id, outcome, outcome as reason, settled_at, created_at
     ), ${raisingUndeliverable('settled', "$3 and ended.outcome = 'given-up'")}
     select outcome, extract(epoch from settled_at - created_at)::float8 as "afterSeconds"
     from settled`,
    [mailId, outcome, raisesEvents],
  )
  return ended.rows[0] ?? null
}
