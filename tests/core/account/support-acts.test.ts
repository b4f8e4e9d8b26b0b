import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { deleteAccount } from '../../../src/core/account/delete-account.ts'
import {
  activateRegistration,
  removeRegistration,
  resendToRegistration,
} from '../../../src/core/account/support-acts.ts'
import { findBelongings } from '../../../src/core/postgres/accounts/support.ts'
import { rows } from '../../events/rows.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { deliverTools } from '../../support/delivery.ts'
import { addActive, addPending, deliver, scriptedMailer, setActive, useCaseTools } from '../fixtures.ts'

const database = shareTestDatabase()

const tools = () => ({ ...useCaseTools(database), operator: { who: 'ada', why: 'ticket 7' } })

const auditOf = async (id: string) =>
  (await database.pool.query('select who, what, why from audit where user_ids = array[$1::uuid]', [id])).rows
const eventsOf = async (id: string) => (await rows(database)).filter(({ data }) => data.user?.id === id)

const activationOf = async (id: string) =>
  (await database.pool.query<{ at: Date | null }>('select activated_at as at from users where id = $1', [id])).rows[0]
    ?.at

test('an activation by an operator is the account, an event and an audit row', async () => {
  const { user } = await addPending(database)
  expect(await activateRegistration(tools(), user.id)).toBe('activated')
  expect(await activationOf(user.id)).toBeInstanceOf(Date)
  expect(await eventsOf(user.id)).toMatchObject([{ type: 'user.activated', data: { user: { email: user.email } } }])
  expect(await auditOf(user.id)).toEqual([{ who: 'ada', what: 'activate', why: 'ticket 7' }])
})

test('an activation that is refused leaves nothing', async () => {
  const active = await addActive(database)
  const second = await addPending(database, active.user.email)
  expect(await activateRegistration(tools(), randomUUID())).toBe('gone')
  expect(await activateRegistration(tools(), active.user.id)).toBe('already-active')
  expect(await activateRegistration(tools(), second.user.id)).toBe('address-active-elsewhere')
  expect(await activationOf(second.user.id)).toBeNull()
  for (const { user } of [active, second]) {
    expect(await eventsOf(user.id)).toEqual([])
    expect(await auditOf(user.id)).toEqual([])
  }
})

test('a resend by an operator needs no cool-down to be over, and says why there is none', async () => {
  const pending = await addPending(database)
  const policy = { ...tools().policy, resendCooldownSeconds: 3600 }
  const resend = () => resendToRegistration({ ...tools(), policy }, pending.user)
  expect(await resend()).toBe('already-on-its-way')
  expect(await auditOf(pending.user.id)).toEqual([])
  await deliver(deliverTools(database, scriptedMailer()), pending.mailId)
  expect(await resend()).toBe('resent')
  expect(await auditOf(pending.user.id)).toEqual([{ who: 'ada', what: 'resend', why: 'ticket 7' }])
  const mails = await database.pool.query('select request_id from mails where user_id = $1 order by created_at', [
    pending.user.id,
  ])
  expect(mails.rows).toEqual([{ request_id: 'a-request' }, { request_id: `operator-${pending.user.id}` }])
  await setActive(database, pending.user.id)
  expect(await resend()).toBe('already-active')
  await deleteAccount(tools(), pending.user)
  expect(await resend()).toBe('gone')
  expect(await auditOf(pending.user.id)).toHaveLength(1)
})

test('a removal by an operator is an event and an audit row, once', async () => {
  const { user } = await addActive(database)
  expect(await removeRegistration(tools(), user.id)).toBe('deleted')
  expect(await activationOf(user.id)).toBeUndefined()
  expect(await removeRegistration(tools(), user.id)).toBe('gone')
  expect((await eventsOf(user.id)).map(({ type }) => type)).toEqual(['user.deleted'])
  expect(await auditOf(user.id)).toEqual([{ who: 'ada', what: 'delete', why: 'ticket 7' }])
})

test('of a registration that is gone meanwhile nothing more is told', async () => {
  expect(await findBelongings(database.pool, randomUUID())).toEqual({})
})
