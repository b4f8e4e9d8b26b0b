import { supersedeCode } from '../postgres/codes/codes.ts'
import { insertNextCode } from '../postgres/codes/new-codes.ts'
import type { Pool } from '../postgres/pool.ts'
import { type Allowance, keysOf, spendAllowance } from '../postgres/rate-limits.ts'
import { type Tx, transaction } from '../postgres/transaction.ts'
import { findUser, lockUser, type UserRow } from '../postgres/users.ts'
import { mailFateOf, RESENDING } from './code-state.ts'
import { type CodeTools, newCode } from './new-code.ts'
import { describeUser, type RegistrationPolicy, type StatusRequest, type User, wantedOf } from './status.ts'

export type ResendTools = CodeTools & { pool: Pool; policy: RegistrationPolicy }

/** `mails` is spent only when a mail is enqueued; `record` is written with it. */
export type Resending = StatusRequest & { requestId: string; mails: Allowance; record?: (tx: Tx) => Promise<void> }

/** Why there is no other code, in the words of the API. */
export const resendRefusals = ['already-active'] as const

type Refusal = (typeof resendRefusals)[number] | 'gone' | { waitSeconds: number }

export type Resent = { mail: 'enqueued' | 'already-on-its-way'; user: User } | Refusal

/**
 * Sends a fresh code, ends the former one, and gives the registration as it then stands. Within the cool-down it gives the seconds
 * to wait; while the former mail waits there is nothing to resend. Two round trips besides the commit: lock with looks, and what
 * is written.
 */
export const resendCode = (tools: ResendTools, request: Resending): Promise<Resent> =>
  transaction(tools.pool, async (tx) => {
    // Sent together, done one after the other: the look sees what was done before the lock was got.
    const [, { user, counted }] = await Promise.all([
      lockUser(tx, request.user.id),
      findUser(tx, wantedOf(tools, request.user, keysOf(request.logins))),
    ])
    request.logins.refuseUsedUp(counted)
    if (!user) return 'gone'
    return refusalOf(user) ?? (await enqueueAnother(tx, tools, request, user))
  })

const refusalOf = (user: UserRow): Refusal | null => {
  if (user.activatedAt) return 'already-active'
  return user.resendInSeconds > 0 ? { waitSeconds: user.resendInSeconds } : null
}

const enqueueAnother = async (
  tx: Tx,
  tools: ResendTools,
  { requestId, mails, record }: Resending,
  former: UserRow,
): Promise<Resent> => {
  const mail = RESENDING[mailFateOf(former)]
  if (mail !== 'enqueued') return { mail, user: describeUser(former, tools.policy.maxAttempts) }
  const code = newCode(tools, { email: former.email, requestId })
  const [, inserted] = await Promise.all([
    supersedeCode(tx, former.id),
    insertNextCode(tx, former.id, code, tools.policy.resendCooldownSeconds),
    record?.(tx),
    // Last: its counters, which others wait for, are locked for one round trip only.
    spendAllowance(tx, mails),
  ])
  tools.surge.note(inserted.surge)
  return { mail, user: describeUser({ ...former, ...inserted.code }, tools.policy.maxAttempts) }
}
