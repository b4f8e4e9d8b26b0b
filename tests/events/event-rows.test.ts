import { randomUUID } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { deliverEvent, type Receiver, type Told } from '../../src/core/events/deliver-event.ts'
import { removeOldRows } from '../../src/core/postgres/housekeeping.ts'
import { postponeEvent, retryFailedEvent, retryFailedEvents } from '../../src/core/postgres/outbox/events.ts'
import { giveUpOverdueRows, heartbeat } from '../../src/core/postgres/outbox/outbox-rows.ts'
import { addPending, age, deliver, refused, scriptedMailer } from '../core/fixtures.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { activated, rows } from './rows.ts'

const database = shareTestDatabase()
const NEVER = new AbortController().signal
beforeEach(async () => void (await database.pool.query('truncate users, events, outboxes cascade')))

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

const onlyId = async () => (await rows(database))[0]?.id ?? 'none'

test('tries that fail at once are one try: the other run finds the lease', async () => {
  await activated(database)
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
  await activated(database)
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
  expect(await rows(database)).toMatchObject([{ outcome: 'accepted', data: {} }])
})

test('pauses grow up to an hour, and a Retry-After is kept', async () => {
  await activated(database)
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
  const { user } = await activated(database)
  const { receiver, bodies } = receiverThat(trouble())
  await tell(receiver, await onlyId())
  await heartbeat(database.pool, 'events', 5)
  const giveUp = () =>
    giveUpOverdueRows(database.pool, 'events', { afterSeconds: 3600, limit: 10, raisesEvents: false })
  expect(await giveUp()).toBe(0)
  await sql("update events set failing_since = now() - interval '2 hours'")
  await sql("update outboxes set possible_since = now() - interval '2 hours'")
  expect(await giveUp()).toBe(1)
  expect(await rows(database)).toMatchObject([{ outcome: 'given-up', data: { user: { id: user.id } } }])
  expect((await rows(database))[0]?.data.user).toEqual({ id: user.id })
  expect(bodies).toHaveLength(1)
})

test('an event that somebody else has is not given back', async () => {
  await activated(database)
  const later = { eventId: await onlyId(), token: randomUUID(), error: 'receiver-503', inMs: 1000, retryAfterMs: null }
  expect(await postponeEvent(database.pool, later)).toBe(false)
})

test('an operator starts given-up events over, one by its id or those that ended first, and no other', async () => {
  const { pool } = database
  for (let times = 0; times < 4; times += 1) await activated(database)
  const [waiting = '', second = '', third = '', first = ''] = (await rows(database)).map(({ id }) => id)
  expect(await retryFailedEvent(pool, waiting)).toBe(0)
  for (const [hours, id] of [second, third, first].entries())
    await pool.query(
      `update events
       set outcome = 'given-up', settled_at = now() - make_interval(hours => $2), attempts = 5, failing_since = now()
       where id = $1`,
      [id, hours],
    )
  const failed = async () => (await rows(database)).filter(({ outcome }) => outcome === 'given-up').map(({ id }) => id)
  expect(await retryFailedEvents(pool, 1)).toBe(1)
  expect(await failed()).toEqual([second, third])
  expect(await retryFailedEvent(pool, third)).toBe(1)
  expect(await failed()).toEqual([second])
  expect([await retryFailedEvents(pool, 10), await retryFailedEvents(pool, 10)]).toEqual([1, 0])
  const begun = await sql(
    "select from events where attempts = 0 and failing_since is null and settled_at is null and next_offer_at <= now() + interval '5 seconds'",
  )
  expect(begun.rowCount).toBe(4)
})

test('housekeeping takes persons out of events that wait for too long, and removes those that ended a week ago', async () => {
  const { user } = await activated(database)
  await activated(database)
  await sql(`update events set created_at = now() - interval '4 days' where user_id = '${user.id}'`)
  expect(await removeOldRows(database, { signal: NEVER })).toMatchObject({ eventPayloads: 1, events: 0 })
  expect((await rows(database))[0]).toMatchObject({ outcome: null, data: { user: { id: user.id } } })
  expect((await rows(database)).map(({ data }) => 'email' in (data.user ?? {}))).toEqual([false, true])
  expect(await removeOldRows(database, { signal: NEVER })).toMatchObject({ eventPayloads: 0 })
  await sql("update events set outcome = 'accepted', settled_at = now() - interval '8 days'")
  expect(await removeOldRows(database, { signal: NEVER })).toMatchObject({ events: 2 })
})

test('housekeeping takes an abandoned registration out of its waiting events, and raises none', async () => {
  const { user, mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer(refused())), mailId)
  expect(await rows(database)).toMatchObject([{ type: 'mail.undeliverable', data: { user: { email: user.email } } }])
  await age(database, user.id, 90_000)
  expect(await removeOldRows(database, { signal: NEVER })).toMatchObject({ abandonedUsers: 1 })
  expect((await rows(database)).map(({ data }) => data)).toEqual([{ user: { id: user.id } }])
})
