import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { maskEmailAddress } from '../../src/core/credentials/email-address.ts'
import { deliverMail } from '../../src/core/mail/deliver-mail.ts'
import type { DeliverTools, Tried } from '../../src/core/mail/delivery.ts'
import { type Mailer, MailerUnavailable } from '../../src/core/mail/mailer.ts'
import type { Answer } from '../../src/core/mail/routing/provider-health.ts'
import { shareTestDatabase, silent } from '../support/database.ts'
import { deliverTools, testProvider } from '../support/delivery.ts'
import { accepted, addActive, addPending, clearNo, deliver, scriptedMailer, setActive, silence } from './fixtures.ts'

const database = shareTestDatabase()

/** What is reported of the tries of one run. */
const tries = async (tools: DeliverTools, mailId: string): Promise<Tried[]> => {
  const reported: Tried[] = []
  const began = performance.now()
  await deliverMail(tools, {
    mailId,
    signal: new AbortController().signal,
    report: (tried) => void reported.push(tried),
  })
  for (const { durationMs } of reported) expect(durationMs).toBeLessThanOrEqual(performance.now() - began + 1)
  return reported
}

test('each try is reported: whose mail it was, where it went, and what came of it', async () => {
  const { user, ref, mailId } = await addPending(database)
  const tools: DeliverTools = {
    ...deliverTools(database, scriptedMailer()),
    providers: [testProvider(scriptedMailer(clearNo()), 'resend'), testProvider(scriptedMailer(), 'postmark')],
  }
  const tag = { mailId, requestId: 'a-request', ref, to: maskEmailAddress(user.email), durationMs: expect.any(Number) }
  expect(await tries(tools, mailId)).toEqual([
    {
      ...{ ...tag, attempt: 1, provider: 'resend' },
      delivery: { end: 'later', reason: 'provider-503', inMs: 0, isForTheOther: true },
    },
    {
      ...{ ...tag, attempt: 2, provider: 'postmark' },
      delivery: {
        end: 'done',
        outcome: 'accepted',
        settled: { outcome: 'accepted', afterSeconds: expect.any(Number) },
      },
    },
  ])
  expect(await tries(tools, mailId)).toEqual([
    { ...tag, attempt: 2, provider: null, delivery: { end: 'done', outcome: 'dropped' } },
  ])
})

test('a try that sends nothing names no provider', async () => {
  const owner = await addActive(database)
  const [first, second] = [await addPending(database, owner.user.email), await addPending(database, owner.user.email)]
  const tools = deliverTools(database, scriptedMailer())
  expect(await tries(tools, first.mailId)).toMatchObject([{ provider: 'resend' }])
  expect(await tries(tools, second.mailId)).toMatchObject([{ provider: null, delivery: { outcome: 'accepted' } }])
  const gone = randomUUID()
  expect(await tries(tools, gone)).toEqual([
    {
      ...{ mailId: gone, requestId: null, ref: null, to: null, attempt: 0, provider: null },
      ...{ delivery: { end: 'done', outcome: 'dropped' }, durationMs: expect.any(Number) },
    },
  ])
})

/** A provider that answers only when its call is ended. */
const hanging = (onCall = () => {}) => {
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  const mailer: Mailer = {
    send: (_mail, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          resolve(signal.reason)
          reject(silence())
        })
        onCall()
      }),
    close: async () => {},
  }
  return { mailer, ended }
}

test('a call ends at its time limit', async () => {
  const { mailId } = await addPending(database)
  const { mailer, ended } = hanging()
  expect(await deliver(deliverTools(database, mailer, { timeoutMs: 20 }), mailId)).toMatchObject({ end: 'later' })
  expect(await ended).toMatchObject({ name: 'TimeoutError' })
})

test('a call ends when the job is told to', async () => {
  const { mailId } = await addPending(database)
  const stop = new AbortController()
  const { mailer, ended } = hanging(() => stop.abort('shutdown'))
  const tools = deliverTools(database, mailer, { timeoutMs: 2_000_000_000 })
  expect(await deliverMail(tools, { mailId, signal: stop.signal })).toMatchObject({ reason: 'provider-silent' })
  expect(await ended).toBe('shutdown')
})

test('what is wrong with our account is told to operators, and nothing else is', async () => {
  const [first, second] = [await addPending(database), await addPending(database)]
  const aboutUs = new MailerUnavailable('resend-403 invalid-api-key', { isClearNo: true, isAboutUs: true })
  const tools = deliverTools(database, scriptedMailer(aboutUs, clearNo()))
  const later = { end: 'later', inMs: expect.any(Number) }
  expect(await deliver(tools, first.mailId)).toStrictEqual({ ...later, reason: aboutUs.message, isAboutUs: true })
  expect(await deliver(tools, second.mailId)).toStrictEqual({ ...later, reason: 'provider-503' })
})

test('a mailer that breaks its contract is named in the log, with what it threw', async () => {
  const { mailId } = await addPending(database)
  const logger = silent.child({})
  const error = vi.spyOn(logger, 'error')
  const thrown = new TypeError('not a function')
  await deliver({ ...deliverTools(database, scriptedMailer(thrown)), logger }, mailId)
  expect(error.mock.calls).toEqual([[{ err: thrown, mailId }, 'a mailer broke its contract; the mail is tried again']])
})

const LATENCY_MS = 200

test('how a call ended, and after how long, is noted; a mail that stays here takes as long', async () => {
  const noted: [mailId: string, answer: Answer, latencyMs: number][] = []
  const provider = testProvider(scriptedMailer())
  const health = {
    ...provider.health,
    note: (...call: (typeof noted)[number]) => void noted.push(call),
    latencyMs: () => LATENCY_MS,
  }
  const tools: DeliverTools = { ...deliverTools(database, provider.mailer), providers: [{ ...provider, health }] }
  const owner = await addActive(database)
  const [first, second] = [await addPending(database, owner.user.email), await addPending(database, owner.user.email)]
  const began = performance.now()
  await deliver(tools, first.mailId)
  const between = performance.now()
  expect(noted).toEqual([[first.mailId, accepted, expect.any(Number)]])
  expect(noted[0]?.[2]).toBeLessThan(between - began)
  await deliver(tools, second.mailId)
  expect(noted).toHaveLength(1)
  // A timer may end within its millisecond.
  expect(performance.now() - between).toBeGreaterThanOrEqual(LATENCY_MS - 1)
})

test('a dropped mail leaves its code as it is, and its job is done when it comes again', async () => {
  const { user, mailId, codeId } = await addPending(database)
  const tools = deliverTools(database, scriptedMailer(silence()))
  await deliver(tools, mailId)
  await setActive(database, user.id)
  const opened = () => database.pool.query('select opened_at, expires_at from codes where id = $1', [codeId])
  const before = (await opened()).rows
  const settled = { outcome: 'dropped', afterSeconds: expect.any(Number) }
  expect(await deliver(tools, mailId)).toEqual({ end: 'done', outcome: 'dropped', settled })
  expect((await opened()).rows).toEqual(before)
  expect(await deliver(tools, mailId)).toEqual({ end: 'done', outcome: 'dropped' })
})
