import { expect, test } from 'vitest'
import { retryFailedMail, retryFailedMails } from '../../src/core/postgres/outbox/operator-retry.ts'
import { heartbeat } from '../../src/core/postgres/outbox/outbox-rows.ts'
import { readStatus } from '../../src/core/registration/status.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { codeIn } from '../support/mail-provider.ts'
import {
  addPending,
  age,
  clearNo,
  deliver,
  expectSecondsLeft,
  type Pending,
  readCode,
  readMail,
  refused,
  scriptedMailer,
  silence,
  type,
  useCaseTools,
  verified,
} from './fixtures.ts'

const database = shareTestDatabase()

const statusOf = async ({ user }: Pending) => (await readStatus(useCaseTools(database), verified(user)))?.code?.status

test('no call is made before the time that the provider asked for', async () => {
  const { user, mailId } = await addPending(database)
  const mailer = scriptedMailer(clearNo(90_000))
  const tools = deliverTools(database, mailer)
  expect(await deliver(tools, mailId)).toEqual({ end: 'later', reason: 'provider-503', inMs: 90_000 })
  await age(database, user.id, 80)
  const early = await deliver(tools, mailId)
  expect(early).toMatchObject({ end: 'later', reason: 'held-back-by-provider', inMs: expect.any(Number) })
  const inMs = early.end === 'later' ? early.inMs : Number.NaN
  expect(inMs).toBeGreaterThan(5000)
  expect(inMs).toBeLessThanOrEqual(10_101)
  expect(mailer.sent).toHaveLength(1)
  await age(database, user.id, 10)
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
})

test('a provider that asks for no wait still gets a back-off', async () => {
  const { mailId } = await addPending(database)
  const delivery = await deliver(deliverTools(database, scriptedMailer(clearNo(0))), mailId)
  expect(delivery.end === 'later' && delivery.inMs).toBeGreaterThanOrEqual(250)
})

test.each([
  ['a clear no', clearNo, false],
  ['silence', silence, true],
])('a mail is given up by time, after one more try that ends in %s', async (_answer, step, isOpen) => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(clearNo(), step())
  const tools = deliverTools(database, mailer)
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, 3601)
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'failed', reason: `given-up: ${step().message}` })
  expect(mailer.sent).toHaveLength(2)
  expect(await readMail(database, pending.mailId)).toMatchObject({ outcome: 'given-up', lastError: step().message })
  expect(await readCode(database, pending.codeId)).toMatchObject({ isOpen })
  expect(await statusOf(pending)).toBe('undeliverable')
})

test('a first try that fails gives no mail up, however long it has waited', async () => {
  const { user, mailId } = await addPending(database)
  await age(database, user.id, 86_400)
  expect(await deliver(deliverTools(database, scriptedMailer(clearNo())), mailId)).toMatchObject({ end: 'later' })
})

test('time in which nobody could deliver does not count', async () => {
  const { user, mailId } = await addPending(database)
  const tools = deliverTools(database, scriptedMailer(clearNo(), clearNo(), clearNo()))
  await deliver(tools, mailId)
  await age(database, user.id, 7200)
  await heartbeat(database.pool, 'mails', 5)
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'later' })
  await database.pool.query("update outboxes set possible_since = now() - interval '1 day'")
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'failed', reason: 'given-up: provider-503' })
})

test('a mail that waited out an outage longer than the limit still leaves when the provider is back', async () => {
  const pending = await addPending(database)
  await age(database, pending.user.id, 7200)
  expect(await deliver(deliverTools(database, scriptedMailer()), pending.mailId)).toMatchObject({ end: 'done' })
  await expectSecondsLeft(database, pending.codeId, 60)
})

test('a mail whose provider asks for more time than there is comes back at the limit and is given up there', async () => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(clearNo(7_200_000))
  const tools = deliverTools(database, mailer)
  const delivery = await deliver(tools, pending.mailId)
  const inMs = delivery.end === 'later' ? delivery.inMs : Number.NaN
  expect(inMs).toBeGreaterThan(3_590_000)
  expect(inMs).toBeLessThanOrEqual(3_600_000)
  await age(database, pending.user.id, 3601)
  expect(await deliver(tools, pending.mailId)).toEqual({
    ...{ end: 'failed', reason: 'given-up' },
    settled: { outcome: 'given-up', afterSeconds: expect.any(Number) },
  })
  expect(mailer.sent).toHaveLength(1)
  expect(await readMail(database, pending.mailId)).toMatchObject({ outcome: 'given-up', lastError: 'provider-503' })
  expect(await statusOf(pending)).toBe('undeliverable')
})

const ended = [
  ['refused', refused()],
  ['given-up', clearNo()],
] as const

/** Brings a mail to this end by its second try. */
const endBy = async (step: Error) => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(clearNo(), step, clearNo())
  const tools = deliverTools(database, mailer)
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, 3601)
  await deliver(tools, pending.mailId)
  return { pending, mailer, tools }
}

test.each(ended)(
  "an operator's retry starts a %s mail over with a fresh code and its whole time",
  async (outcome, step) => {
    const { pending, mailer, tools } = await endBy(step)
    expect(await readMail(database, pending.mailId)).toMatchObject({ outcome })
    await age(database, pending.user.id, 80_000)
    expect(await retryFailedMail(database.pool, pending.mailId)).toBe(true)
    expect(await retryFailedMail(database.pool, pending.mailId)).toBe(false)
    expect(await statusOf(pending)).toBe('queued')
    expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'later' })
    expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
    const { codeId } = await readMail(database, pending.mailId)
    expect(mailer.sent.map(({ key }) => key)).toEqual([pending.codeId, pending.codeId, codeId, codeId])
    expect(codeId).not.toBe(pending.codeId)
    await expectSecondsLeft(database, codeId, 60)
    expect(await type(database, pending, codeIn(mailer.sent[3]?.mail))).toBe('activated')
  },
)

test.each(ended)('no run of the job, however often it comes, starts a %s mail over', async (outcome, step) => {
  const { pending, mailer, tools } = await endBy(step)
  for (let run = 0; run < 10; run += 1)
    expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'failed', reason: outcome })
  expect(mailer.sent).toHaveLength(2)
})

test('all failed mails can be started over, in batches, and no other', async () => {
  const several = [await endBy(refused()), await endBy(clearNo()), await endBy(refused())]
  const { mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer()), mailId)
  while ((await retryFailedMails(database.pool, 2)) > 0);
  for (const { pending } of several) expect(await readMail(database, pending.mailId)).toMatchObject({ outcome: null })
  expect(await readMail(database, mailId)).toMatchObject({ outcome: 'accepted' })
})
