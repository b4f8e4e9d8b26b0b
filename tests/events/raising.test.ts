import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { deleteAccount } from '../../src/core/account/delete-account.ts'
import { raiseEvent } from '../../src/core/events/raise-event.ts'
import { retryFailedMail } from '../../src/core/postgres/outbox/operator-retry.ts'
import { giveUpOverdueRows, heartbeat } from '../../src/core/postgres/outbox/outbox-rows.ts'
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

test('a mail that the sweep gives up is an event where somebody is told, and none elsewhere', async () => {
  await heartbeat(database.pool, 'mails', 5)
  await database.pool.query("update outboxes set possible_since = now() - interval '2 hours'")
  for (const raisesEvents of [false, true]) {
    const { mailId } = await addPending(database)
    await database.pool.query("update mails set failing_since = now() - interval '2 hours' where id = $1", [mailId])
    const limits = { afterSeconds: 3600, limit: 10, raisesEvents }
    expect(await giveUpOverdueRows(database.pool, 'mails', limits)).toBe(1)
    expect(await rows(database)).toMatchObject(
      raisesEvents ? [{ type: 'mail.undeliverable', data: { mail: { id: mailId, reason: 'given-up' } } }] : [],
    )
  }
})

test('an activation and a deletion wake whoever tells other systems', async () => {
  const heard: string[] = []
  const client = await database.pool.connect()
  onTestFinished(() => client.release(true))
  client.on('notification', ({ channel }) => heard.push(channel))
  await client.query('listen latchkey_events')
  const { user } = await activated(database)
  await expect.poll(() => heard.length).toBe(1)
  await deleteAccount(useCaseTools(database), user)
  await expect.poll(() => heard).toEqual(['latchkey_events', 'latchkey_events'])
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
