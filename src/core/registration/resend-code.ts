import { supersedeCode } from '../postgres/codes.ts'
import { type Pool, type Tx, transaction } from '../postgres/pool.ts'
import { findUser, lockUser, type UserRow } from '../postgres/users.ts'
import { type CodeTools, enqueueCode } from './enqueue-code.ts'
import type { RegistrationPolicy } from './policy.ts'

export type ResendTools = CodeTools & { pool: Pool; policy: RegistrationPolicy }

export type Resent = 'enqueued' | 'already-on-its-way' | 'already-active' | 'gone' | { waitSeconds: number }

/**
 * Sends a fresh code and ends the former one. Within the cool-down it gives the seconds to wait; while the former mail waits
 * there is nothing to resend. `spendMail` is called, and may throw, only when a mail is about to be enqueued.
 */
export const resendCode = (
  tools: ResendTools,
  request: { userId: string; requestId: string },
  spendMail: (tx: Tx) => Promise<void>,
): Promise<Resent> =>
  transaction(tools.pool, async (tx) => {
    const user = await lockUser(tx, request.userId)
    const refusal = refusalOf(await findUser(tx, request.userId, tools.policy.resendCooldownSeconds))
    if (!user || refusal) return refusal ?? 'gone'
    await spendMail(tx)
    await supersedeCode(tx, request.userId)
    await enqueueCode(tx, tools, { ...request, email: user.email })
    return 'enqueued'
  })

const refusalOf = (user: UserRow | null): Resent | null => {
  if (!user) return 'gone'
  if (user.activatedAt) return 'already-active'
  if (user.resendInSeconds > 0) return { waitSeconds: user.resendInSeconds }
  return user.outcome === null ? 'already-on-its-way' : null
}
