import { type EventTools, raiseDeletion, raiseEvent } from '../events/raise-event.ts'
import { insertAuditRow } from '../postgres/accounts/audit.ts'
import { activateByOperator, deleteRegistration } from '../postgres/accounts/support.ts'
import type { Pool } from '../postgres/pool.ts'
import { UNLIMITED } from '../postgres/rate-limits.ts'
import { type Tx, transaction, unlessRefused } from '../postgres/transaction.ts'
import { lockUser, UNIQUE_VIOLATION } from '../postgres/users.ts'
import { type ResendTools, resendCode } from '../registration/resend-code.ts'
import type { StatusRequest } from '../registration/status.ts'

/** By whom, and why, an operator's act is done; `why` holds no address. */
export type Operator = { who: string; why: string | null }

type ActTools = EventTools & { pool: Pool; operator: Operator }

export type Refusal = 'gone' | 'already-active' | 'address-active-elsewhere' | 'already-on-its-way'

/** Each act, its audit row and its event are one transaction. A refusal leaves none of them. */

/** Makes a registration active without its code. */
export const activateRegistration = (tools: ActTools, id: string): Promise<'activated' | Refusal> =>
  transaction(tools.pool, async (tx) => {
    const user = await lockUser(tx, id)
    if (!user) return 'gone'
    if (user.activatedAt) return 'already-active'
    const activated = await unlessRefused(tx, UNIQUE_VIOLATION, async () => {
      await activateByOperator(tx, id)
      return true
    })
    if (!activated) return 'address-active-elsewhere'
    await raiseEvent(tools, tx, 'user.activated', id)
    await audit(tx, tools.operator, 'activate', id)
    return 'activated'
  })

/** Sends a fresh code, whatever cool-down and limits of mails say. */
export const resendToRegistration = async (
  tools: ResendTools & { operator: Operator },
  user: StatusRequest['user'],
): Promise<'resent' | Refusal> => {
  const policy = { ...tools.policy, resendCooldownSeconds: 0 }
  const resent = await resendCode(
    { ...tools, policy },
    {
      ...{ user, logins: UNLIMITED, mails: UNLIMITED, requestId: `operator-${user.id}` },
      record: (tx) => audit(tx, tools.operator, 'resend', user.id),
    },
  )
  if (typeof resent === 'string') return resent
  return 'mail' in resent && resent.mail === 'enqueued' ? 'resent' : 'already-on-its-way'
}

/** Removes a registration or account with all that is stored about it. */
export const removeRegistration = (tools: ActTools, id: string): Promise<'deleted' | Refusal> =>
  transaction(tools.pool, async (tx) => {
    if (!(await deleteRegistration(tx, id))) return 'gone'
    await raiseDeletion(tools, tx, id)
    await audit(tx, tools.operator, 'delete', id)
    return 'deleted'
  })

const audit = (tx: Tx, operator: Operator, what: string, id: string): Promise<void> =>
  insertAuditRow(tx, { ...operator, what, userIds: [id] })
