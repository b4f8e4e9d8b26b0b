import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import type { DeliverTools } from '../../src/core/mail/delivery.ts'
import { type PreparedMail, prepareMail } from '../../src/core/mail/prepare-mail.ts'
import { keepLease } from '../../src/core/outbox/keep-lease.ts'
import { endUntriedMail, postponeMail, settleMail } from '../../src/core/postgres/outbox/mail-outcomes.ts'
import { createPool } from '../../src/core/postgres/pool.ts'
import { shareTestDatabase, silent } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { PATIENT } from '../support/patient.ts'
import {
  accepted,
  addPending,
  age,
  clearNo,
  deliver,
  expectSecondsLeft,
  readCode,
  readMail,
  refused,
  scriptedMailer,
  silence,
} from './fixtures.ts'

const database = shareTestDatabase()

/** A worker that opens the code's minute and dies before it settles the mail. */
const crashBeforeSettling = async (tools: DeliverTools, mailId: string): Promise<PreparedMail> => {
  const { prepared } = await prepareMail(tools, {
    mailId,
    open: tools.providers.filter((provider) => provider !== undefined),
  })
  if (prepared.is === 'ended') throw new Error('the mail could not be claimed')
  return prepared.mail
}

const secondsOfLease = async (mailId: string): Promise<number> => {
  const found = await database.pool.query<{ seconds: number }>(
    `select extract(epoch from lease_until - clock_timestamp())::float8 as seconds from mails where id = $1`,
    [mailId],
  )
  return found.rows[0]?.seconds ?? Number.NaN
}

test('two runs at once send once', async () => {
  const { mailId } = await addPending(database)
  const mailer = scriptedMailer()
  const tools = deliverTools(database, mailer)
  const runs = await Promise.all(Array.from({ length: 8 }, () => deliver(tools, mailId)))
  expect(mailer.sent).toHaveLength(1)
  expect(runs).toContainEqual(expect.objectContaining({ end: 'done', outcome: 'accepted' }))
  expect(await readMail(database, mailId)).toMatchObject({ outcome: 'accepted', attempts: 1 })
})

test('a run that finds the mail with another one comes back when the lease ends', async () => {
  const { mailId } = await addPending(database)
  const tools = deliverTools(database, scriptedMailer())
  await crashBeforeSettling(tools, mailId)
  const delivery = await deliver(tools, mailId)
  expect(delivery).toMatchObject({ end: 'later', reason: 'taken-by-another-run', inMs: expect.any(Number) })
  const inMs = delivery.end === 'later' ? delivery.inMs : Number.NaN
  expect(inMs).toBeGreaterThanOrEqual((await secondsOfLease(mailId)) * 1000 + 100)
  expect(inMs).toBeLessThanOrEqual(7101)
})

test('the lease is renewed for as long as the call to the provider takes', async () => {
  const { user, mailId } = await addPending(database)
  const slow = async () => {
    // As if the call had taken almost as long as a lease, twice.
    for (let i = 0; i < 2; i++) {
      await age(database, user.id, 6)
      await expect.poll(() => secondsOfLease(mailId)).toBeGreaterThan(3)
    }
    expect(await deliver(tools, mailId)).toMatchObject({ end: 'later', reason: 'taken-by-another-run' })
    return accepted
  }
  const mailer = scriptedMailer(slow)
  const tools = deliverTools(database, mailer)
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
  expect(mailer.sent).toHaveLength(1)
})

test('however long the provider may take, a dead run holds the mail for seconds only', async () => {
  const { mailId } = await addPending(database)
  await crashBeforeSettling(deliverTools(database, scriptedMailer(), { timeoutMs: 60_000 }), mailId)
  expect(await secondsOfLease(mailId)).toBeLessThanOrEqual(7)
})

test('a renewal that fails does not end the call', async () => {
  const gone = createPool(database.url, { max: 1, name: 'test', logger: silent })
  await gone.end()
  const renewals = vi.spyOn(gone, 'query')
  const call = keepLease(gone, 'mails', { id: randomUUID(), token: randomUUID() }, async () => {
    await vi.waitFor(() => expect(renewals).toHaveBeenCalledTimes(2), PATIENT)
    return 'answer'
  })
  expect(await call).toBe('answer')
})

test('after a crash another run takes the mail over, with the same key, bytes and deadline', async () => {
  const { user, mailId, codeId } = await addPending(database)
  const mailer = scriptedMailer()
  const tools = deliverTools(database, mailer)
  const dead = await crashBeforeSettling(tools, mailId)
  await age(database, user.id, 10)
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
  expect(mailer.sent).toEqual([{ mail: dead.message, key: dead.idempotencyKey }])
  await expectSecondsLeft(database, codeId, 50)
})

test('long after a crash a fresh code leaves', async () => {
  const { user, mailId, codeId } = await addPending(database)
  const mailer = scriptedMailer()
  const tools = deliverTools(database, mailer)
  await crashBeforeSettling(tools, mailId)
  await age(database, user.id, 45)
  await deliver(tools, mailId)
  expect(mailer.sent).toHaveLength(1)
  expect(mailer.sent[0]?.key).not.toBe(codeId)
})

test.each([
  ['acceptance', accepted],
  ['refusal', refused()],
  ['clear no', clearNo(60_000)],
  ['silence', silence()],
])('a late %s of a run that lost its lease changes nothing', async (_answer, late) => {
  const { user, mailId, codeId } = await addPending(database)
  const takenOver = async () => {
    await age(database, user.id, 8)
    await crashBeforeSettling(tools, mailId)
    if (late instanceof Error) throw late
    return late
  }
  const mailer = scriptedMailer(takenOver)
  const tools = deliverTools(database, mailer)
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'later', reason: 'lease-lost' })
  expect(await readMail(database, mailId)).toMatchObject({
    outcome: null,
    isLeased: true,
    lastError: null,
    retryInSeconds: null,
  })
  expect(await readCode(database, codeId)).toMatchObject({ isOpen: true, isSent: false })
})

test('a mail that another run has settled is neither settled nor postponed again', async () => {
  const { user, mailId } = await addPending(database)
  const tools = deliverTools(database, scriptedMailer())
  const { token } = await crashBeforeSettling(tools, mailId)
  await age(database, user.id, 10)
  await deliver(tools, mailId)
  const late = { mailId, token, ttlSeconds: 60, code: 'closed' as const }
  expect(await settleMail(database.pool, { ...late, outcome: 'refused', raisesEvents: true })).toBeNull()
  expect(await endUntriedMail(database.pool, mailId, { outcome: 'given-up', raisesEvents: true })).toBeNull()
  const postponement = { ...late, error: 'late', inMs: 1, retryAfterMs: null, isKeyUnusable: false }
  expect(await postponeMail(database.pool, postponement)).toBe(false)
  expect(await readMail(database, mailId)).toMatchObject({ outcome: 'accepted', lastError: null })
})

test('the answer of a provider is recorded in place when the database stumbles, and recording it twice changes nothing', async () => {
  const { mailId, codeId } = await addPending(database)
  const mailer = scriptedMailer()
  const tools = deliverTools(database, mailer)
  const pool = createPool(database.url, { max: 2, name: 'test', logger: silent })
  let losses = 0
  const pipelined = pool.pipelined.bind(pool)
  const stumble = vi.spyOn(pool, 'pipelined').mockImplementation(async (...call: unknown[]) => {
    const isSettling = String(call[0]).includes('settled as (')
    const result = await Reflect.apply(pipelined, pool, call)
    // The commit arrived, its answer did not; and once more.
    if (isSettling) losses += 1
    if (isSettling && losses <= 2) throw Object.assign(new Error('gone'), { code: 'ECONNRESET' })
    return result
  })
  expect(await deliver({ ...tools, pool }, mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
  expect(losses).toBe(3)
  expect(mailer.sent).toHaveLength(1)
  stumble.mockRestore()
  await pool.end()
  await expectSecondsLeft(database, codeId, 60)
})

test('a run that was held up before its call sends nothing, and closes the code that it opened', async () => {
  const { mailId, codeId } = await addPending(database)
  const mailer = scriptedMailer()
  const tools = deliverTools(database, mailer)
  const times = [0, 4000]
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => times.shift() ?? 4000)
  const delivery = await deliver(tools, mailId).finally(() => clock.mockRestore())
  expect(delivery).toMatchObject({ end: 'later', reason: 'held-up' })
  expect(mailer.sent).toEqual([])
  expect(await readCode(database, codeId)).toMatchObject({ isOpen: false })
  expect(await readMail(database, mailId)).toMatchObject({ isLeased: false })
})
