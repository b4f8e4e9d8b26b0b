import { beforeEach, expect, test } from 'vitest'
import { deleteAccount } from '../../src/core/account/delete-account.ts'
import { raiseEvent } from '../../src/core/events/raise-event.ts'
import { retryFailedMail } from '../../src/core/postgres/outbox/operator-retry.ts'
import { recordReports } from '../../src/core/postgres/outbox/provider-reports.ts'
import { transaction } from '../../src/core/postgres/transaction.ts'
import { addPending, deliver, refused, scriptedMailer, type, useCaseTools } from '../core/fixtures.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { activated, rows } from './rows.ts'

const database = shareTestDatabase()
beforeEach(async () => void (await database.pool.query('truncate users, events, outboxes cascade')))

test('a mail that is refused, retried and refused again is one event', async () => {
  const { mailId } = await addPending(database)
  const tools = deliverTools(database, scriptedMailer(refused(), refused()))
  await deliver(tools, mailId)
  await retryFailedMail(database.pool, mailId)
  await deliver(tools, mailId)
  expect(await rows(database)).toMatchObject([
    { type: 'mail.undeliverable', data: { mail: { id: mailId, reason: 'refused' } } },
  ])
})

test('a mail that the provider took and then reports as bounced, twice, is one event', async () => {
  const { mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer({ providerId: 'taken' })), mailId)
  expect(await rows(database)).toEqual([])
  const report = { providerId: 'taken', kind: 'hard-bounce', at: new Date() } as const
  for (let times = 0; times < 2; times += 1)
    await recordReports(database.pool, { provider: 'resend', reports: [report], raisesEvents: true })
  expect(await rows(database)).toMatchObject([
    { type: 'mail.undeliverable', data: { mail: { id: mailId, reason: 'hard-bounce' } } },
  ])
})

test('a bounce that is reported before our own settling is an event too', async () => {
  const { mailId } = await addPending(database)
  const report = { providerId: 'quick', kind: 'hard-bounce', at: new Date() } as const
  await recordReports(database.pool, { provider: 'resend', reports: [report], raisesEvents: true })
  expect(await rows(database)).toEqual([])
  await deliver(deliverTools(database, scriptedMailer({ providerId: 'quick' })), mailId)
  expect(await rows(database)).toMatchObject([{ type: 'mail.undeliverable' }])
})

test('a wrong code, a repeated activation and a deletion that finds nothing raise nothing', async () => {
  const { user, codeId } = await activated(database)
  expect(await type(database, { user, codeId, mailId: '', ref: '' }, '0000')).toBe('already-active')
  expect(await rows(database)).toHaveLength(1)
  const tools = useCaseTools(database)
  expect(await deleteAccount(tools, { ...user, passwordHash: 'another' })).toBe('gone')
  expect(await rows(database)).toHaveLength(1)
  expect(await deleteAccount(tools, user)).toBe('deleted')
  expect((await rows(database)).map(({ type, data }) => ({ type, data }))).toEqual([
    { type: 'user.activated', data: { user: { id: user.id } } },
    { type: 'user.deleted', data: { user: { id: user.id } } },
  ])
})

test('where nobody is to be told, nothing is written, and a deletion takes the person out of what still waits', async () => {
  const { user } = await activated(database)
  const tools = { ...useCaseTools(database), raisesEvents: false }
  expect(await deleteAccount(tools, user)).toBe('deleted')
  expect(await rows(database)).toMatchObject([{ type: 'user.activated', data: { user: { id: user.id } } }])
  expect((await rows(database))[0]?.data.user).toEqual({ id: user.id })
  const pending = await addPending(database)
  await transaction(database.pool, (tx) => raiseEvent(tools, tx, 'user.password-changed', pending.user.id))
  await deliver({ ...deliverTools(database, scriptedMailer(refused())), raisesEvents: false }, pending.mailId)
  expect(await rows(database)).toHaveLength(1)
})
