import { rowOf } from '../connection/row-of.ts'
import { GUESSING, type Guessing, guessingValues, type MeasuredSurge } from '../guesses.ts'
import { type Counted, type Spending, spendingSql } from '../rate-limits.ts'
import type { Tx } from '../transaction.ts'
import type { Profile, UserRow } from '../users.ts'

// Of the tables users, codes and mails: what a registration and a resend add.

/** A code and the mail that brings it. It has `digits`, or `longDigits` when too much is guessed. */
export type NewCode = {
  id: string
  keyId: string
  digits: number
  longDigits: number
  guessing: Guessing
  mail: { id: string; requestId: string; traceContext: string | null }
}

export type NewUser = {
  id: string
  email: string
  passwordHash: string
  ref: string
  locale: string
  /** Compact JSON. */
  metadata: string
  idempotencyKey: Buffer | null
  idempotencyDigest: Buffer | null
}

/**
 * The registration `owner`'s code, its length decided by what was guessed, and the mail: relays hear of it when the transaction has
 * committed. Takes the parameters $1 to $11 that `valuesOf` gives.
 */
const CODE_AND_MAIL = `${GUESSING}, new_code as (
       insert into codes (id, user_id, digits, key_id, mailbox_keys)
       select $5::uuid, owner.id, case when "isOut" or "isSurge" then $8::smallint else $7::smallint end, $6::text, $1
       from owner, guessed, surge
       returning id, user_id, digits
     ), new_mail as (
       insert into mails (id, user_id, code_id, request_id, trace_context)
       select $9::uuid, user_id, id, $10::text, $11::text
       from new_code
       returning created_at
     )`

const valuesOf = ({ id, keyId, digits, longDigits, guessing, mail }: NewCode): unknown[] => [
  ...guessingValues(guessing),
  ...[id, keyId, digits, longDigits, mail.id, mail.requestId, mail.traceContext],
]

// What is true of every code that was just made, and of its mail.
const QUEUED = {
  ...{ attempts: 0, isOpen: false, sentAt: null, expiresAt: null, isExpired: false, isGuessedOut: false },
  ...{ outcome: null, isBounced: false, deliveredAt: null },
}

const announced = ({ id, traceContext }: NewCode['mail']) => ({ id, traceContext })

type InsertedCode = Pick<UserRow, 'digits' | 'resendAfter' | 'resendInSeconds'>
type Inserted = Pick<UserRow, 'metadata' | 'createdAt'> & InsertedCode & MeasuredSurge & { counted: Counted[] }

type NewRegistration = { user: NewUser; code: NewCode; spending: Spending; cooldownSeconds: number }

/**
 * Inserts a registration with its first code and mail, and counts it. Gives null, and does nothing, when the idempotency key is taken; waits
 * for a transaction that is about to take it. Fails as `isOverspent` tells when nothing was left to be spent.
 */
export const insertRegistration = async (
  tx: Tx,
  { user, code, spending, cooldownSeconds }: NewRegistration,
): Promise<{ user: UserRow; surge: MeasuredSurge; counted: Counted[] } | null> => {
  // First: the commit may be sent before this is answered. A relay that finds nothing looks in vain.
  tx.announce('mails', announced(code.mail))
  const inserted = await tx.query<Inserted>(
    `with owner as (
       insert into users (id, email, password_hash, ref, locale, metadata, idempotency_key, idempotency_digest)
       values ($13, $14, $15, $16, $17, $18, $19, $20)
       on conflict (idempotency_key) where idempotency_key is not null do nothing
       returning id, metadata, created_at
     ), ${spendingSql('owner', ['$21', '$22', '$23'])}, ${CODE_AND_MAIL}
     select owner.metadata,
       owner.created_at as "createdAt",
       new_code.digits,
       new_mail.created_at + make_interval(secs => $12) as "resendAfter",
       $12::integer as "resendInSeconds",
       surge."wrongCodes", surge."isSurge",
       spent.counted
     from owner, new_code, new_mail, surge, spent`,
    [
      ...[...valuesOf(code), cooldownSeconds, user.id, user.email, user.passwordHash, user.ref, user.locale],
      ...[user.metadata, user.idempotencyKey, user.idempotencyDigest],
      ...[spending.keys, spending.seconds, spending.maxima],
    ],
  )
  const [row] = inserted.rows
  if (!row) return null
  const { wrongCodes, isSurge, counted, ...read } = row
  const { id, email, ref, locale } = user
  return {
    user: { ...QUEUED, id, email, ref, locale, activatedAt: null, ...read },
    surge: { wrongCodes, isSurge },
    counted,
  }
}

/**
 * Inserts a registration's next code and its mail, and gives what becomes another of its row. The registration must have no current
 * code.
 */
export const insertNextCode = async (
  tx: Tx,
  userId: string,
  code: NewCode,
  cooldownSeconds: number,
): Promise<{ code: Omit<UserRow, keyof Profile>; surge: MeasuredSurge }> => {
  const inserted = await tx.query<InsertedCode & MeasuredSurge>(
    `with owner as (
       select $13::uuid as id
     ), ${CODE_AND_MAIL}
     select new_code.digits,
       new_mail.created_at + make_interval(secs => $12) as "resendAfter",
       $12::integer as "resendInSeconds",
       surge."wrongCodes", surge."isSurge"
     from new_code, new_mail, surge`,
    [...valuesOf(code), cooldownSeconds, userId],
  )
  tx.announce('mails', announced(code.mail))
  const { wrongCodes, isSurge, ...read } = rowOf(inserted.rows)
  return { code: { ...QUEUED, ...read }, surge: { wrongCodes, isSurge } }
}
