import { afterAll, beforeAll, expect, test } from 'vitest'
import { readStatus } from '../../src/core/registration/status.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
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
} from './fixtures.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const statusOf = async ({ user }: Pending) => (await readStatus(useCaseTools(database), user.id))?.code?.status

test('no call is made before the time that the provider asked for', async () => {
  const { user, mailId } = await addPending(database)
  const mailer = scriptedMailer(clearNo(90_000))
  const tools = deliverTools(database, mailer)
  expect(await deliver(tools, mailId)).toEqual({ end: 'later', reason: 'provider-503', inMs: 90_000 })
  await age(database, user.id, 80)
  const early = await deliver(tools, mailId, 1)
  expect(early).toMatchObject({ end: 'later', reason: 'held-back-by-provider', inMs: expect.any(Number) })
  const inMs = early.end === 'later' ? early.inMs : Number.NaN
  expect(inMs).toBeGreaterThan(5000)
  expect(inMs).toBeLessThanOrEqual(10_101)
  expect(mailer.sent).toHaveLength(1)
  await age(database, user.id, 10)
  expect(await deliver(tools, mailId, 2)).toMatchObject({ end: 'done', outcome: 'accepted' })
})

test('a provider that asks for no wait still gets a back-off', async () => {
  const { mailId } = await addPending(database)
  const delivery = await deliver(deliverTools(database, scriptedMailer(clearNo(0))), mailId)
  expect(delivery.end === 'later' && delivery.inMs).toBeGreaterThanOrEqual(250)
})

test.each([
  ['a clear no', clearNo(), false],
  ['silence', silence(), true],
])('a mail is given up by time, after one more try that ends in %s', async (_answer, step, isOpen) => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(step)
  await age(database, pending.user.id, 3601)
  const delivery = await deliver(deliverTools(database, mailer), pending.mailId, 40)
  expect(delivery).toMatchObject({ end: 'failed', reason: `given-up: ${step.message}` })
  expect(mailer.sent).toHaveLength(1)
  expect(await readMail(database, pending.mailId)).toMatchObject({ outcome: 'given-up', lastError: step.message })
  expect(await readCode(database, pending.codeId)).toMatchObject({ isOpen })
  expect(await statusOf(pending)).toBe('undeliverable')
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
  expect(await deliver(tools, pending.mailId, 1)).toMatchObject({ end: 'failed', reason: 'given-up' })
  expect(mailer.sent).toHaveLength(1)
  expect(await readMail(database, pending.mailId)).toMatchObject({ outcome: 'given-up', lastError: 'provider-503' })
  expect(await statusOf(pending)).toBe('undeliverable')
})

test('a run that crashed after it gave up a held-back mail does not start it over', async () => {
  const { user, mailId } = await addPending(database)
  const mailer = scriptedMailer(clearNo(7_200_000))
  const tools = deliverTools(database, mailer)
  await deliver(tools, mailId)
  await age(database, user.id, 3601)
  await deliver(tools, mailId, 1)
  await age(database, user.id, 7200)
  expect(await deliver(tools, mailId, 1)).toMatchObject({ end: 'failed', reason: 'given-up' })
  expect(mailer.sent).toHaveLength(1)
})

const ended = [
  ['refused', refused(), 0],
  ['given-up', clearNo(), 3601],
] as const

test.each(ended)("an operator's retry starts a %s mail over with a fresh code", async (outcome, step, seconds) => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(step, clearNo())
  const tools = deliverTools(database, mailer)
  await age(database, pending.user.id, seconds)
  await deliver(tools, pending.mailId, 4)
  expect(await readMail(database, pending.mailId)).toMatchObject({ outcome })
  await age(database, pending.user.id, 86_000)
  expect(await deliver(tools, pending.mailId, 5)).toMatchObject({ end: 'later' })
  expect(await statusOf(pending)).toBe('queued')
  expect(await deliver(tools, pending.mailId, 6)).toMatchObject({ end: 'done', outcome: 'accepted' })
  const { codeId } = await readMail(database, pending.mailId)
  expect(mailer.sent.map(({ key }) => key)).toEqual([pending.codeId, codeId, codeId])
  await expectSecondsLeft(database, codeId, 60)
  expect(await type(database, pending, codeIn(mailer.sent[2]?.mail))).toBe('activated')
})

test.each(ended)('a mere re-run of the job leaves a %s mail as it is', async (outcome, step, seconds) => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(step)
  const tools = deliverTools(database, mailer)
  await age(database, pending.user.id, seconds)
  await deliver(tools, pending.mailId, 4)
  expect(await deliver(tools, pending.mailId, 4)).toMatchObject({ end: 'failed', reason: outcome })
  expect(await deliver(tools, pending.mailId, 0)).toMatchObject({ end: 'failed', reason: outcome })
  expect(mailer.sent).toHaveLength(1)
})
