import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test, vi } from 'vitest'
import { deliverMail } from '../../src/core/mail/deliver-mail.ts'
import { type DeliverTools, LEASE_LOST } from '../../src/core/mail/delivery.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools, testProvider } from '../support/delivery.ts'
import { addPending, age, deliver, readMail, scriptedMailer, setActive, silence } from './fixtures.ts'

const database = shareTestDatabase()

/** Does this once, just before the statement that has such a part. */
const before = (part: string, happens: () => Promise<unknown>): void => {
  const spies = (['query', 'pipelined'] as const).map((way) => {
    const send = database.pool[way].bind(database.pool)
    return vi.spyOn(database.pool, way).mockImplementation(async (...call: unknown[]) => {
      if (String(call[0]).includes(part)) {
        restore()
        await happens()
      }
      return Reflect.apply(send, database.pool, call)
    })
  })
  const restore = () => spies.forEach((spy) => void spy.mockRestore())
  onTestFinished(restore)
}

const passOn = (mailId: string) =>
  database.pool.query('update mails set lease_token = $2 where id = $1', [mailId, randomUUID()])

const twoProviders = (first = scriptedMailer(silence())) => {
  const second = scriptedMailer()
  const providers = [
    testProvider({ ...first, format: 'first' }, 'resend'),
    testProvider({ ...second, format: 'second' }, 'postmark'),
  ] as const
  return { tools: { ...deliverTools(database, first), providers } satisfies DeliverTools, second }
}

/** As when the first must not be tried. */
const withSecondOnly = (tools: ReturnType<typeof twoProviders>['tools'], mailId: string) =>
  deliverMail(tools, { mailId, signal: new AbortController().signal, open: [tools.providers[1]] })

test('a mail that passed on to another run is not dropped', async () => {
  const { user, mailId } = await addPending(database)
  await setActive(database, user.id)
  before('settled as (', () => passOn(mailId))
  expect(await deliver(deliverTools(database, scriptedMailer()), mailId)).toEqual(LEASE_LOST)
  expect(await readMail(database, mailId)).toMatchObject({ outcome: null })
})

test('a mail that passed on to another run gets no fresh code', async () => {
  const { user, mailId, codeId } = await addPending(database)
  const mailer = scriptedMailer(silence())
  await deliver(deliverTools(database, mailer), mailId)
  await age(database, user.id, 31)
  before('former as (', () => passOn(mailId))
  expect(await deliver(deliverTools(database, mailer), mailId)).toEqual(LEASE_LOST)
  expect(await readMail(database, mailId)).toMatchObject({ outcome: null, codeId })
  expect(mailer.sent).toHaveLength(1)
})

test('a mail whose code a resend supersedes meanwhile is dropped', async () => {
  const { user, mailId, codeId } = await addPending(database)
  const mailer = scriptedMailer(silence())
  await deliver(deliverTools(database, mailer), mailId)
  await age(database, user.id, 31)
  before('former as (', () => database.pool.query('update codes set superseded_at = now() where id = $1', [codeId]))
  expect(await deliver(deliverTools(database, mailer), mailId)).toMatchObject({ end: 'done', outcome: 'dropped' })
  expect(mailer.sent).toHaveLength(1)
})

test('a mail that passed on to another run does not wait for its provider', async () => {
  const { mailId } = await addPending(database)
  const { tools } = twoProviders()
  await deliver(tools, mailId)
  before('postponed as (', () => passOn(mailId))
  expect(await withSecondOnly(tools, mailId)).toEqual(LEASE_LOST)
})

test.each([
  { what: 'until it is given up', giveUpAfterSeconds: 3, agedBy: 0, min: 100, max: 3000 },
  { what: 'a moment when it should have been', giveUpAfterSeconds: 1, agedBy: 2, min: 100, max: 100 },
])('a mail waits for its provider $what', async ({ giveUpAfterSeconds, agedBy, min, max }) => {
  const { user, mailId } = await addPending(database)
  const { tools, second } = twoProviders()
  const delivery = { ...tools.delivery, giveUpAfterSeconds }
  await deliver({ ...tools, delivery }, mailId)
  await age(database, user.id, agedBy)
  const waits = await withSecondOnly({ ...tools, delivery }, mailId)
  expect(waits).toMatchObject({ end: 'later', reason: 'waits-for-its-provider' })
  const inMs = waits.end === 'later' ? waits.inMs : Number.NaN
  expect(inMs).toBeGreaterThanOrEqual(min)
  expect(inMs).toBeLessThanOrEqual(max)
  expect(await readMail(database, mailId)).toMatchObject({ outcome: null, lastError: 'waits-for-its-provider' })
  expect(second.sent).toEqual([])
})

test('a mail waits for its provider until its code cannot be repeated any more', async () => {
  const { user, mailId } = await addPending(database)
  const { tools } = twoProviders()
  await deliver(tools, mailId)
  await age(database, user.id, 27)
  // On a machine that takes three seconds to come here it leaves already.
  const waits = await withSecondOnly(tools, mailId)
  expect(waits.end === 'later' ? waits.inMs : 0).toBeLessThanOrEqual(3100)
})
