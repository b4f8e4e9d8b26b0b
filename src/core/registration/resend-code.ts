import { supersedeCode } from '../postgres/codes.ts'
import { announceMails } from '../postgres/mails.ts'
import { type Pool, type Tx, transaction } from '../postgres/pool.ts'
import { findUser, lockUser, type UserRow } from '../postgres/users.ts'
import { type CodeTools, enqueueCode } from './enqueue-code.ts'
import type { RegistrationPolicy } from './policy.ts'
import { readStatus, type User } from './status.ts'

export type ResendTools = CodeTools & { pool: Pool; policy: RegistrationPolicy }

type Refusal = 'already-active' | 'gone' | { waitSeconds: number }

export type Resent = { mail: 'enqueued' | 'already-on-its-way'; user: User } | Refusal

/**
 * Sends a fresh code, ends the former one, and gives the registration as it then stands. Within the cool-down it gives the seconds
 * to wait; while the former mail waits there is nothing to resend. `spendMail` is called, and may throw, only when a mail is about to be enqueued.
 */
export const resendCode = async (
  tools: ResendTools,
  request: { userId: string; requestId: string },
  spendMail: (tx: Tx) => Promise<void>,
): Promise<Resent> => {
  const resent = await enqueueAnother(tools, request, spendMail)
  if (typeof resent === 'object' && 'mail' in resent && resent.mail === 'enqueued') announceMails(tools.pool)
  return resent
}

const enqueueAnother = (
  tools: ResendTools,
  request: { userId: string; requestId: string },
  spendMail: (tx: Tx) => Promise<void>,
): Promise<Resent> =>
  transaction(tools.pool, async (tx) => {
    await lockUser(tx, request.userId)
    const former = await findUser(tx, request.userId, tools.policy.resendCooldownSeconds)
    if (!former) return 'gone'
    const refusal = refusalOf(former)
    if (refusal) return refusal
    const mail = former.outcome === null ? 'already-on-its-way' : 'enqueued'
    if (mail === 'enqueued') {
      await spendMail(tx)
      await supersedeCode(tx, request.userId)
      await enqueueCode(tx, tools, { ...request, email: former.email })
    }
    // Not after the commit: who is told 503 still has the former code.
    const user = await readStatus({ ...tools, pool: tx }, request.userId)
    return user ? { mail, user } : 'gone'
  })

const refusalOf = (user: UserRow): Refusal | null => {
  if (user.activatedAt) return 'already-active'
  return user.resendInSeconds > 0 ? { waitSeconds: user.resendInSeconds } : null
}
