import type { Keyring } from '../credentials/keyring.ts'
import type { Queryable } from '../postgres/pool.ts'
import { findUser, type UserRow } from '../postgres/users.ts'
import { isTooShort } from './enqueue-code.ts'
import type { Metadata } from './metadata.ts'
import type { RegistrationPolicy } from './policy.ts'

export type CodeStatus = 'queued' | 'sent' | 'expired' | 'exhausted' | 'undeliverable'

/** A registration as its owner may see it. Times are ISO 8601 UTC. */
export type User = {
  id: string
  email: string
  status: 'pending' | 'active'
  ref: string
  /** The language of the mails. */
  locale: string
  metadata: Metadata
  createdAt: string
  activatedAt: string | null
  code: {
    status: CodeStatus
    sentAt: string | null
    deliveredAt: string | null
    expiresAt: string | null
    attemptsLeft: number
    resendAfter: string
  } | null
}

export type StatusTools = { pool: Queryable; keyring: Keyring; policy: RegistrationPolicy }

/** The registration as it stands now; null when it is gone. */
export const readStatus = async (tools: StatusTools, id: string): Promise<User | null> => {
  const row = await findUser(tools.pool, id, tools.policy.resendCooldownSeconds)
  return row && describe(tools, row)
}

/** An active registration, with the seconds from the provider's acceptance of the mail to the activation, if that was recorded. */
export type ActiveUser = { user: User; typedAfterSeconds: number | null }

/** The same after an activation; null when it is gone. */
export const readActivated = async (tools: StatusTools, id: string): Promise<ActiveUser | null> => {
  const row = await findUser(tools.pool, id, tools.policy.resendCooldownSeconds)
  if (!row) return null
  const typedAfterMs = row.sentAt && row.activatedAt ? row.activatedAt.getTime() - row.sentAt.getTime() : null
  return {
    user: await describe(tools, row),
    typedAfterSeconds: typedAfterMs === null ? null : Math.max(0, typedAfterMs / 1000),
  }
}

const describe = async (tools: StatusTools, row: UserRow): Promise<User> => {
  const user = describeUser(row, tools.policy.maxAttempts)
  // Four digits of a mailbox that was guessed at too often are answered as expired, so they are shown so.
  const isWorthless =
    user.code?.status === 'sent' &&
    row.digits !== null &&
    (await isTooShort(tools.pool, tools, { email: row.email, digits: row.digits }))
  return isWorthless && user.code ? { ...user, code: { ...user.code, status: 'expired' } } : user
}

/** A registration by its row alone: whether its code is worth anything yet is for `readStatus`. */
export const describeUser = (row: UserRow, maxAttempts: number): User => ({
  id: row.id,
  email: row.email,
  status: row.activatedAt ? 'active' : 'pending',
  ref: row.ref,
  locale: row.locale,
  metadata: row.metadata,
  createdAt: row.createdAt.toISOString(),
  activatedAt: row.activatedAt?.toISOString() ?? null,
  code: row.activatedAt ? null : describeCode(row, maxAttempts),
})

const describeCode = (row: UserRow, maxAttempts: number): User['code'] => ({
  status: codeStatusOf(row, maxAttempts),
  sentAt: row.sentAt?.toISOString() ?? null,
  deliveredAt: row.deliveredAt?.toISOString() ?? null,
  // The time of a code that is not known to be sent is nobody's to rely on.
  expiresAt: row.sentAt ? (row.expiresAt?.toISOString() ?? null) : null,
  attemptsLeft: Math.max(0, maxAttempts - row.attempts),
  resendAfter: row.resendAfter.toISOString(),
})

const codeStatusOf = (row: UserRow, maxAttempts: number): CodeStatus => {
  if (row.outcome === 'refused' || row.outcome === 'given-up' || row.isBounced) return 'undeliverable'
  if (row.attempts >= maxAttempts) return 'exhausted'
  if (!row.sentAt) return 'queued'
  return row.isExpired ? 'expired' : 'sent'
}
