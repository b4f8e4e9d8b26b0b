import type { Budget } from '../process/config.ts'
import { OPEN } from './codes/codes.ts'
import { rowOf } from './connection/row-of.ts'
import { guessedOutSql } from './guesses.ts'
import type { Outcome } from './outbox/outbox-rows.ts'
import { type Counted, countedSql } from './rate-limits.ts'
import { type Queryable, type Tx, unlessRefused } from './transaction.ts'

export const UNIQUE_VIOLATION = '23505'

/** Frees an idempotency key that is older than a day. */
export const forgetOldIdempotencyKey = async (tx: Tx, key: Buffer): Promise<void> => {
  await tx.query(
    `update users
     set idempotency_key = null, idempotency_digest = null
     where idempotency_key = $1 and created_at <= now() - interval '24 hours'`,
    [key],
  )
}

export type Credentials = { id: string; email: string; passwordHash: string }

/** The registration of this id, and in the same look the counters of these keys. */
export const findCredentials = async (
  db: Queryable,
  id: string,
  counterKeys: string[],
): Promise<{ user: Credentials | null; counted: Counted[] }> => {
  const found = await db.read<Found<Credentials>>(
    `select users.id, users.email,
       users.password_hash as "passwordHash",
       ${countedSql('$2')} as counted
     from (select) as once
     left join users on users.id = $1`,
    [id, counterKeys],
  )
  return foundOf(found.rows)
}

/** A row that is there in any case, for its counters; the other columns are null when there is no such registration. */
export type Found<Row extends { id: string }> = (Row | { id: null }) & { counted: Counted[] }

export const foundOf = <Row extends { id: string }>(rows: Found<Row>[]): { user: Row | null; counted: Counted[] } => {
  const row = rowOf(rows)
  return { user: isThere(row) ? row : null, counted: row.counted }
}

const isThere = <Row extends { id: string }>(row: Found<Row>): row is Row & { counted: Counted[] } => row.id !== null

/** `digest` is of the body. */
export type FormerRequest = Credentials & { digest: Buffer }

/** The registration made under one of these keys (one key under several secrets) within a day, and the counters of these keys. */
export const findByIdempotencyKey = async (
  db: Queryable,
  keys: Buffer[],
  counterKeys: string[],
): Promise<{ user: FormerRequest | null; counted: Counted[] }> => {
  // The age is no condition for an index: the key's finds one row, and that of the ages all of a day.
  const found = await db.read<Found<FormerRequest>>(
    `select users.id, users.email,
       users.password_hash as "passwordHash",
       users.idempotency_digest as digest,
       ${countedSql('$2')} as counted
     from (select) as once
     left join users on idempotency_key = any($1) and created_at + interval '24 hours' > now()`,
    [keys, counterKeys],
  )
  return foundOf(found.rows)
}

/** A registration without its code. */
export type Profile = {
  id: string
  email: string
  ref: string
  locale: string
  metadata: Record<string, unknown>
  createdAt: Date
  activatedAt: Date | null
}

const PROFILE = `users.id, users.email, users.ref, users.locale, users.metadata,
       users.created_at as "createdAt",
       users.activated_at as "activatedAt"`

export type UserRow = Profile & {
  attempts: number
  digits: number
  /** Somebody may have the code: it was sent, or a try to send it was never answered. */
  isOpen: boolean
  sentAt: Date | null
  expiresAt: Date | null
  isExpired: boolean
  /** Too much was guessed at the mailbox; looked at only while the code is open. */
  isGuessedOut: boolean
  outcome: Outcome | null
  /** The provider reported that the mail does not arrive. */
  isBounced: boolean
  /** When the provider reported that the mailbox took the mail. */
  deliveredAt: Date | null
  resendAfter: Date
  /** Seconds until another code may be asked for, rounded up; 0 when it may be now. */
  resendInSeconds: number
}

/** Which registration, and what decides how its code stands. */
export type Wanted = {
  id: string
  cooldownSeconds: number
  mailboxKeys: Buffer[]
  guessBudgets: Budget[]
  counterKeys: string[]
}

/** A registration with its current code and that code's mail, and in the same look the counters of these keys. */
export const findUser = async (
  db: Queryable,
  wanted: Wanted,
): Promise<{ user: UserRow | null; counted: Counted[] }> => {
  const found = await db.read<Found<UserRow>>(
    `select ${PROFILE},
       codes.attempts,
       codes.digits,
       ${OPEN} as "isOpen",
       case when ${OPEN} then codes.sent_at end as "sentAt",
       codes.expires_at as "expiresAt",
       coalesce(codes.expires_at <= clock_timestamp(), false) as "isExpired",
       case
         when users.activated_at is null and codes.opened_at is not null then ${guessedOutSql('$3', '$4', '$5')}
         else false
       end as "isGuessedOut",
       mails.outcome,
       coalesce(mails.bounced_at <= now(), false) as "isBounced",
       case when mails.delivered_at <= now() then mails.delivered_at end as "deliveredAt",
       mails.created_at + make_interval(secs => $2) as "resendAfter",
       greatest(0, ceil(extract(epoch from mails.created_at + make_interval(secs => $2) - clock_timestamp())))::integer as "resendInSeconds",
       ${countedSql('$6')} as counted
     from (select) as once
     left join users on users.id = $1
     left join codes on codes.user_id = users.id and codes.superseded_at is null
     left join mails on mails.code_id = codes.id`,
    [
      wanted.id,
      wanted.cooldownSeconds,
      wanted.mailboxKeys,
      wanted.guessBudgets.map(({ max }) => max),
      wanted.guessBudgets.map(({ seconds }) => seconds),
      wanted.counterKeys,
    ],
  )
  return foundOf(found.rows)
}

/** Holds back every other change of this registration until the transaction ends. Gives null when there is no such row. */
export const lockUser = async (tx: Tx, id: string): Promise<Profile | null> => {
  const locked = await tx.query<Profile>(
    `select ${PROFILE}
     from users
     where id = $1
     for no key update`,
    [id],
  )
  return locked.rows[0] ?? null
}

/**
 * SQL for whether a registration that is known by its id is not active. Not `activated_at is null`, which the index of pending ones is made
 * with: a plan from when there was hardly one would go through all of them.
 */
export const PENDING = "coalesce(activated_at, 'infinity') = 'infinity'"

/**
 * The account that it now is; null when the password is not the verified one any more, or the address is active through another
 * registration. What `raise` does is sent along, and undone where the address is.
 */
export const activateUser = async (
  tx: Tx,
  { id, passwordHash }: Credentials,
  raise: () => Promise<void>,
): Promise<Profile | null> => {
  const activated = await unlessRefused(tx, UNIQUE_VIOLATION, () =>
    Promise.all([
      tx.query<Profile>(
        `update users
         set activated_at = now()
         where id = $1 and password_hash = $2 and ${PENDING}
         returning ${PROFILE}`,
        [id, passwordHash],
      ),
      raise(),
    ]),
  )
  return activated?.[0].rows[0] ?? null
}
