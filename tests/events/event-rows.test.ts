import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { deleteAccount } from '../../src/core/account/delete-account.ts'
import { deliverEvent, type Receiver, type Told } from '../../src/core/events/deliver-event.ts'
import { removeOldRows } from '../../src/core/postgres/housekeeping.ts'
import { retryFailedMail } from '../../src/core/postgres/outbox/operator-retry.ts'
import { giveUpOverdueRows, heartbeat } from '../../src/core/postgres/outbox/outbox-rows.ts'
import { recordReports } from '../../src/core/postgres/outbox/provider-reports.ts'
import {
  addPending,
  age,
  deliver,
  digitsOf,
  openFor,
  type Pending,
  refused,
  scriptedMailer,
  type,
  useCaseTools,
} from '../core/fixtures.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'

let database: TestDatabase
const NEVER = new AbortController().signal

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(async () => void (await database.pool.query('truncate users, events, outboxes cascade')))
afterAll(() => database.drop())

const activated = async (): Promise<Pending> => {
  const pending = await addPending(database)
  await openFor(database, pending.codeId)
  expect(await type(database, pending, await digitsOf(database, pending.codeId))).toBe('activated')
  return pending
}

const rows = async () =>
  (
    await database.pool.query<{
      id: string
      type: string
      outcome: string | null
      data: { user?: Record<string, unknown>; mail?: object }
    }>('select id, type, outcome, data from events order by created_at')
  ).rows

const sql = (statement: string) => database.pool.query(statement)

const receiverThat = (...answers: Told[]) => {
  const bodies: string[] = []
  const receiver: Receiver = {
    tell: async ({ body }) => {
      bodies.push(body)
      return answers.shift() ?? 'accepted'
    },
    close: async () => {},
  }
  return { receiver, bodies }
}

const trouble = (retryAfterMs: number | null = null): Told => ({
  ...{ reason: 'receiver-503', retryAfterMs },
  isForEverybody: retryAfterMs !== null,
})

const tell = (receiver: Receiver, eventId: string, giveUpAfterSeconds = 3600) =>
  deliverEvent({ pool: database.pool, receiver, giveUpAfterSeconds }, { eventId, signal: NEVER })

const onlyId = async () => (await rows())[0]?.id ?? 'none'

test('tries that fail at once are one try: the other run finds the lease', async () => {
  await activated()
  const gate = Promise.withResolvers<void>()
  const slow: Receiver = { tell: () => gate.promise.then((): Told => 'accepted'), close: async () => {} }
  const first = tell(slow, await onlyId())
  await expect.poll(async () => (await sql('select from events where lease_until > now()')).rowCount).toBe(1)
  const { receiver, bodies } = receiverThat()
  expect((await tell(receiver, await onlyId())).delivery).toMatchObject({ reason: 'taken-by-another-run' })
  gate.resolve()
  expect((await first).delivery).toMatchObject({ end: 'done' })
  expect(bodies).toEqual([])
  expect((await tell(receiver, await onlyId())).delivery).toEqual({ end: 'done' })
  expect(bodies).toEqual([])
})

test('what a killed worker has told and not recorded is told again, under the same id with the same bytes', async () => {
  await activated()
  const id = await onlyId()
  const gate = Promise.withResolvers<void>()
  const heard: string[] = []
  const dying: Receiver = {
    tell: async ({ body }) => {
      heard.push(body)
      await gate.promise
      return 'accepted'
    },
    close: async () => {},
  }
  const first = tell(dying, id)
  await expect.poll(() => heard.length).toBe(1)
  await sql("update events set lease_until = now() - interval '1 second'")
  const { receiver, bodies } = receiverThat()
  expect((await tell(receiver, id)).delivery).toMatchObject({ end: 'done' })
  expect(bodies).toEqual(heard)
  gate.resolve()
  expect((await first).delivery).toMatchObject({ end: 'later', reason: 'lease-lost' })
  expect(await rows()).toMatchObject([{ outcome: 'accepted', data: {} }])
})

test('pauses grow up to an hour, and a Retry-After is kept', async () => {
  await activated()
  const id = await onlyId()
  const { receiver } = receiverThat(trouble(120_000), trouble())
  const first = (await tell(receiver, id)).delivery
  expect(first.end === 'later' && first.inMs).toBeGreaterThanOrEqual(120_000)
  expect((await tell(receiver, id)).delivery).toMatchObject({ reason: 'taken-by-another-run' })
  await sql('update events set retry_at = null, attempts = 40')
  const later = (await tell(receiver, id, 3 * 86_400)).delivery
  expect(later.end === 'later' && later.inMs).toBeLessThanOrEqual(3_600_000)
})

test('the sweep gives up what has failed for too long, and keeps the id of the user alone', async () => {
  const { user } = await activated()
  const { receiver, bodies } = receiverThat(trouble())
  await tell(receiver, await onlyId())
  await heartbeat(database.pool, 'events', 5)
  const giveUp = () =>
    giveUpOverdueRows(database.pool, 'events', { afterSeconds: 3600, limit: 10, raisesEvents: false })
  expect(await giveUp()).toBe(0)
  await sql("update events set failing_since = now() - interval '2 hours'")
  await sql("update outboxes set possible_since = now() - interval '2 hours'")
  expect(await giveUp()).toBe(1)
  expect(await rows()).toMatchObject([{ outcome: 'given-up', data: { user: { id: user.id } } }])
  expect((await rows())[0]?.data.user).toEqual({ id: user.id })
  expect(bodies).toHaveLength(1)
})

test('housekeeping takes persons out of events that wait for too long, and removes those that ended a week ago', async () => {
  const { user } = await activated()
  await activated()
  await sql(`update events set created_at = now() - interval '4 days' where user_id = '${user.id}'`)
  expect(await removeOldRows(database, { signal: NEVER })).toMatchObject({ eventPayloads: 1, events: 0 })
  expect((await rows())[0]).toMatchObject({ outcome: null, data: { user: { id: user.id } } })
  expect((await rows()).map(({ data }) => 'email' in (data.user ?? {}))).toEqual([false, true])
  expect(await removeOldRows(database, { signal: NEVER })).toMatchObject({ eventPayloads: 0 })
  await sql("update events set outcome = 'accepted', settled_at = now() - interval '8 days'")
  expect(await removeOldRows(database, { signal: NEVER })).toMatchObject({ events: 2 })
})

test('housekeeping takes an abandoned registration out of its waiting events, and raises none', async () => {
  const { user, mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer(refused())), mailId)
  expect(await rows()).toMatchObject([{ type: 'mail.undeliverable', data: { user: { email: user.email } } }])
  await age(database, user.id, 90_000)
  expect(await removeOldRows(database, { signal: NEVER })).toMatchObject({ abandonedUsers: 1 })
  expect((await rows()).map(({ data }) => data)).toEqual([{ user: { id: user.id } }])
})

test('a mail that is refused, retried and refused again is one event', async () => {
  const { mailId } = await addPending(database)
  const tools = deliverTools(database, scriptedMailer(refused(), refused()))
  await deliver(tools, mailId)
  await retryFailedMail(database.pool, mailId)
  await deliver(tools, mailId)
  expect(await rows()).toMatchObject([
    { type: 'mail.undeliverable', data: { mail: { id: mailId, reason: 'refused' } } },
  ])
})

test('a mail that the provider took and then reports as bounced, twice, is one event', async () => {
  const { mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer({ providerId: 'taken' })), mailId)
  expect(await rows()).toEqual([])
  const report = { providerId: 'taken', kind: 'hard-bounce', at: new Date() } as const
  for (let times = 0; times < 2; times += 1)
    await recordReports(database.pool, { provider: 'resend', reports: [report], raisesEvents: true })
  expect(await rows()).toMatchObject([
    { type: 'mail.undeliverable', data: { mail: { id: mailId, reason: 'hard-bounce' } } },
  ])
})

test('a bounce that is reported before our own settling is an event too', async () => {
  const { mailId } = await addPending(database)
  const report = { providerId: 'quick', kind: 'hard-bounce', at: new Date() } as const
  await recordReports(database.pool, { provider: 'resend', reports: [report], raisesEvents: true })
  expect(await rows()).toEqual([])
  await deliver(deliverTools(database, scriptedMailer({ providerId: 'quick' })), mailId)
  expect(await rows()).toMatchObject([{ type: 'mail.undeliverable' }])
})

test('a wrong code, a repeated activation and a deletion that finds nothing raise nothing', async () => {
  const { user, codeId } = await activated()
  expect(await type(database, { user, codeId, mailId: '', ref: '' }, '0000')).toBe('already-active')
  expect(await rows()).toHaveLength(1)
  const tools = useCaseTools(database)
  expect(await deleteAccount(tools, { ...user, passwordHash: 'another' })).toBe('gone')
  expect(await rows()).toHaveLength(1)
  expect(await deleteAccount(tools, user)).toBe('deleted')
  expect((await rows()).map(({ type, data }) => ({ type, data }))).toEqual([
    { type: 'user.activated', data: { user: { id: user.id } } },
    { type: 'user.deleted', data: { user: { id: user.id } } },
  ])
})

test('where nobody is to be told, nothing is written', async () => {
  const { mailId } = await addPending(database)
  const tools = { ...deliverTools(database, scriptedMailer(refused())), raisesEvents: false }
  await deliver(tools, mailId)
  expect(await rows()).toEqual([])
})
