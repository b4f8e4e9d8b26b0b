import { randomUUID } from 'node:crypto'
import { changePassword } from '../../src/core/account/change-password.ts'
import { deleteAccount } from '../../src/core/account/delete-account.ts'
import { deleteAbandonedUsers, START } from '../../src/core/postgres/old-registrations.ts'
import { takeDueRows } from '../../src/core/postgres/outbox/outbox-rows.ts'
import { UNLIMITED } from '../../src/core/postgres/rate-limits.ts'
import { activate } from '../../src/core/registration/activate.ts'
import { register } from '../../src/core/registration/register.ts'
import { resendCode } from '../../src/core/registration/resend-code.ts'
import {
  addPending,
  resending as another,
  attempt,
  deliver,
  digitsOf,
  openFor,
  type Pending,
} from '../core/fixtures.ts'
import type { Actor } from './actor.ts'
import type { Stage } from './stage.ts'

export type Act = (actor: Actor) => Promise<unknown>

/** A registration whose mail was taken by the provider. */
export const addSent = async ({ database }: Stage, email?: string): Promise<Pending & { code: string }> => {
  const pending = await addPending(database, email)
  await openFor(database, pending.codeId)
  await database.pool.query(`update mails set settled_at = now(), outcome = 'accepted' where id = $1`, [pending.mailId])
  return { ...pending, code: await digitsOf(database, pending.codeId) }
}

export const typing =
  ({ tools, ledger }: Stage, { user }: Pending, code: string): Act =>
  async (actor) => {
    const { activated } = await activate(tools(actor), attempt(user, code))
    ledger.answers.push(activated)
  }

export const resending =
  ({ tools, ledger }: Stage, { user }: Pending): Act =>
  async (actor) => {
    const resent = await resendCode(tools(actor), another(user))
    if (typeof resent === 'object' && 'mail' in resent) ledger.promised.push(user.id)
  }

export const delivering =
  (stage: Stage, { mailId }: Pending, answer?: () => void): Act =>
  (actor) =>
    deliver(stage.deliverTools(actor, answer), mailId)

export const relaying: Act = (actor) => takeDueRows(actor.pool, 'mails', { fresh: 10, again: 10 })
export const keepingHouse: Act = (actor) => deleteAbandonedUsers(actor.pool, START, 10)

const hasher = {
  hash: async (password: string) => `hash of ${password}`,
  verify: async () => true,
  isOutdated: () => false,
  checkRoom: () => {},
  waiting: () => 0,
}

export const registering =
  ({ tools, ledger }: Stage, email: string, idempotencyKey: string | null): Act =>
  async (actor) => {
    const registered = await register(
      { ...tools(actor), hasher },
      {
        ...{ email, idempotencyKey, password: 'a password', locale: 'en', metadata: {}, requestId: 'a-request' },
        body: { email },
        signal: new AbortController().signal,
        budget: UNLIMITED,
        logins: () => UNLIMITED,
      },
    )
    if (typeof registered === 'object') ledger.promised.push(registered.user.id)
    if (idempotencyKey !== null)
      ledger.answers.push(typeof registered === 'object' && registered.isNew ? 'new' : 'known')
  }

export const changing =
  ({ user }: Pending): Act =>
  (actor) =>
    changePassword(
      { pool: actor.pool, raisesEvents: true, hasher },
      { account: user, password: randomUUID(), signal: new AbortController().signal },
    )

export const deleting =
  ({ user }: Pending): Act =>
  (actor) =>
    deleteAccount({ pool: actor.pool, raisesEvents: true }, user)

export const throwing = (error: () => Error) => () => {
  throw error()
}
