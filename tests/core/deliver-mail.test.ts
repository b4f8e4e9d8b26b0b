import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { retryFailedMail } from '../../src/core/postgres/outbox/operator-retry.ts'
import { resendCode } from '../../src/core/registration/resend-code.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { codeIn } from '../support/mail-provider.ts'
import {
  accepted,
  addPending,
  clearNo,
  currentMail,
  deliver,
  digitsOf,
  readCode,
  readMail,
  refused,
  resending,
  scriptedMailer,
  setActive,
  silence,
  useCaseTools,
} from './fixtures.ts'
import { record } from './postgres/plans.ts'

const database = shareTestDatabase()

test.each([
  {
    answer: 'accepts',
    step: accepted,
    delivery: { end: 'done', outcome: 'accepted' },
    mail: { outcome: 'accepted', providerId: 'provider-id', isLeased: false, attempts: 1 },
    code: { isOpen: true, isSent: true },
  },
  {
    answer: 'refuses this mail',
    step: refused(),
    delivery: { end: 'failed', reason: 'provider-422' },
    mail: { outcome: 'refused', lastError: 'provider-422', isLeased: false },
    code: { isOpen: false, isSent: false, secondsLeft: null },
  },
  {
    answer: 'says a clear no for now',
    step: clearNo(),
    delivery: { end: 'later', reason: 'provider-503' },
    mail: { outcome: null, lastError: 'provider-503', isLeased: false, retryInSeconds: null },
    code: { isOpen: false, isSent: false, secondsLeft: null },
  },
  {
    answer: 'does not answer',
    step: silence(),
    delivery: { end: 'later', reason: 'provider-silent' },
    mail: { outcome: null, lastError: 'provider-silent', isLeased: false },
    code: { isOpen: true, isSent: false },
  },
  {
    answer: 'has an adapter that throws something else',
    step: new TypeError('a bug'),
    delivery: { end: 'later', reason: 'mailer-broken' },
    mail: { outcome: null, lastError: 'mailer-broken', isLeased: false },
    code: { isOpen: true, isSent: false },
  },
])('when the provider $answer, job, mail and code say so', async ({ step, delivery, mail, code }) => {
  const { mailId, codeId } = await addPending(database)
  expect(await deliver(deliverTools(database, scriptedMailer(step)), mailId)).toMatchObject(delivery)
  expect(await readMail(database, mailId)).toMatchObject(mail)
  expect(await readCode(database, codeId)).toMatchObject({ ...code, isCurrent: true, attempts: 0 })
})

test('the mail goes to the stored address with the code, and the key is the code id', async () => {
  const { user, mailId, codeId, ref } = await addPending(database)
  const mailer = scriptedMailer()
  await deliver(deliverTools(database, mailer), mailId)
  expect(mailer.sent).toHaveLength(1)
  expect(mailer.sent[0]).toMatchObject({ key: codeId, mail: { to: user.email } })
  expect(mailer.sent[0]?.mail.text).toContain(ref)
  expect(codeIn(mailer.sent[0]?.mail)).toBe(await digitsOf(database, codeId))
})

test.each([
  ['refused', refused(), 'failed'],
  ['accepted', accepted, 'done'],
])('a mail that is settled as %s is not sent again by a second run', async (_outcome, step, end) => {
  const { mailId } = await addPending(database)
  const mailer = scriptedMailer(step)
  const tools = deliverTools(database, mailer)
  await deliver(tools, mailId)
  expect(await deliver(tools, mailId)).toMatchObject({ end })
  expect(mailer.sent).toHaveLength(1)
})

test('a mail is dropped when its user is active', async () => {
  const { user, mailId } = await addPending(database)
  await setActive(database, user.id)
  const mailer = scriptedMailer()
  expect(await deliver(deliverTools(database, mailer), mailId)).toMatchObject({ end: 'done', outcome: 'dropped' })
  expect(mailer.sent).toEqual([])
  expect(await readMail(database, mailId)).toMatchObject({ outcome: 'dropped', isLeased: false })
})

test('a mail whose code was superseded before its first try is dropped', async () => {
  const { mailId, codeId } = await addPending(database)
  await database.pool.query('update codes set superseded_at = now() where id = $1', [codeId])
  const mailer = scriptedMailer()
  expect(await deliver(deliverTools(database, mailer), mailId)).toMatchObject({ end: 'done', outcome: 'dropped' })
  expect(mailer.sent).toEqual([])
  expect(await readCode(database, codeId)).toMatchObject({ isOpen: false })
})

test('a refused mail that an operator retries after a resend is dropped: its code is superseded', async () => {
  const { user, mailId } = await addPending(database)
  const mailer = scriptedMailer(refused())
  const tools = deliverTools(database, mailer)
  await deliver(tools, mailId)
  await resendCode(useCaseTools(database), resending(user))
  await retryFailedMail(database.pool, mailId)
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'done', outcome: 'dropped' })
  expect(mailer.sent).toHaveLength(1)
  const next = await currentMail(database, user.id)
  expect(await deliver(tools, next.id)).toMatchObject({ end: 'done', outcome: 'accepted' })
})

test('a job whose mail is gone is done', async () => {
  const mailer = scriptedMailer()
  expect(await deliver(deliverTools(database, mailer), randomUUID())).toMatchObject({ end: 'done', outcome: 'dropped' })
  expect(mailer.sent).toEqual([])
})

test('ten clear noes wait with a growing back-off that never passes a minute', async () => {
  const { mailId } = await addPending(database)
  const mailer = scriptedMailer(...Array.from({ length: 10 }, () => clearNo()))
  const tools = deliverTools(database, mailer)
  for (let jobAttempt = 0; jobAttempt < 10; jobAttempt += 1) {
    const delivery = await deliver(tools, mailId)
    expect(delivery).toMatchObject({ end: 'later', inMs: expect.any(Number) })
    const inMs = delivery.end === 'later' ? delivery.inMs : Number.NaN
    expect(inMs).toBeGreaterThanOrEqual(250)
    expect(inMs).toBeLessThanOrEqual(Math.min(60_000, 1000 * 2 ** jobAttempt))
  }
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
  expect(new Set(mailer.sent.map(({ key, mail }) => key + JSON.stringify(mail))).size).toBe(1)
})

test('a mail goes from its claim to its end by two statements, outside any transaction', async () => {
  const { mailId } = await addPending(database)
  const statements = await record(() => deliver(deliverTools(database, scriptedMailer()), mailId), /./)
  expect(statements).toHaveLength(2)
  expect((await database.pool.query('select outcome from mails where id = $1', [mailId])).rows).toEqual([
    { outcome: 'accepted' },
  ])
})
