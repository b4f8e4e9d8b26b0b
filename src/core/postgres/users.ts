import type { Outcome } from './outbox/outbox.ts'
import { type Queryable, type Tx, unlessRefused } from './pool.ts'

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

export const findCredentials = async (db: Queryable, id: string): Promise<Credentials | null> => {
  const found = await db.query<Credentials>(
    'select id, email, password_hash as "passwordHash" from users where id = $1',
    [id],
  )
  return found.rows[0] ?? null
}

/** `digest` is of the body; null when it was registered before digests were kept. */
export type FormerRequest = Credentials & { digest: Buffer | null }

/** The registration made under one of these keys (one key under several secrets) within a day. */
export const findByIdempotencyKey = async (db: Queryable, keys: Buffer[]): Promise<FormerRequest | null> => {
  const found = await db.query<FormerRequest>(
    `select id, email, password_hash as "passwordHash", idempotency_digest as digest
     from users
     where idempotency_key = any($1) and created_at > now() - interval '24 hours'`,
    [keys],
  )
  return found.rows[0] ?? null
}

export type UserRow = {
  id: string
  email: string
  ref: string
  locale: string
  metadata: Record<string, unknown>
  createdAt: Date
  activatedAt: Date | null
  attempts: number
  digits: number | null
  sentAt: Date | null
  expiresAt: Date | null
  isExpired: boolean | null
  outcome: Outcome | null
  /** The provider reported that the mail does not arrive. */
  isBounced: boolean
  /** When the provider reported that the mailbox took the mail. */
  deliveredAt: Date | null
  resendAfter: Date
  /** Seconds until another code may be asked for, rounded up; 0 when it may be now. */
  resendInSeconds: number
}

/** A registration with its current code and that code's mail. */
export const findUser = async (db: Queryable, id: string, cooldownSeconds: number): Promise<UserRow | null> => {
  const found = await db.query<UserRow>(
    `select users.id, users.email, users.ref, users.locale, users.metadata,
       users.created_at as "createdAt",
       users.activated_at as "activatedAt",
       codes.attempts,
       codes.digits,
       codes.sent_at as "sentAt",
       codes.expires_at as "expiresAt",
       codes.expires_at <= clock_timestamp() as "isExpired",
       mails.outcome,
       coalesce(mails.bounced_at <= now(), false) as "isBounced",
       case when mails.delivered_at <= now() then mails.delivered_at end as "deliveredAt",
       mails.created_at + make_interval(secs => $2) as "resendAfter",
       greatest(0, ceil(extract(epoch from mails.created_at + make_interval(secs => $2) - clock_timestamp())))::integer as "resendInSeconds"
     from users
     left join codes on codes.user_id = users.id and codes.superseded_at is null
     left join mails on mails.code_id = codes.id
     where users.id = $1`,
    [id, cooldownSeconds],
  )
  return found.rows[0] ?? null
}

/** Holds back every other change of this registration until the transaction ends. Gives null when there is no such row. */
export const lockUser = async (tx: Tx, id: string): Promise<{ email: string; isActive: boolean } | null> => {
  const locked = await tx.query<{ email: string; isActive: boolean }>(
    `select email, activated_at is not null as "isActive"
     from users
     where id = $1
     for no key update`,
    [id],
  )
  return locked.rows[0] ?? null
}

/** Gives false when the password is not the verified one any more, or when the address is active through another registration. */
export const activateUser = async (tx: Tx, id: string, passwordHash: string): Promise<boolean> => {
  const activated = await unlessRefused(tx, UNIQUE_VIOLATION, () =>
    tx.query('update users set activated_at = now() where id = $1 and password_hash = $2 and activated_at is null', [
      id,
      passwordHash,
    ]),
  )
  return activated?.rowCount === 1
}
