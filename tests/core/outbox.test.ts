import { expect, test } from 'vitest'
import { measureBacklog, measureRelayLag } from '../../src/core/postgres/outbox/backlog.ts'
import {
  giveUpOverdueRows,
  heartbeat,
  takeDueRows,
  takeOffersBack,
} from '../../src/core/postgres/outbox/outbox-rows.ts'
import { transaction } from '../../src/core/postgres/transaction.ts'
import { type TestDatabase, useTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { addPending, age, clearNo, deliver, readMail, scriptedMailer } from './fixtures.ts'

const BATCH = 100
const relay = ({ pool }: TestDatabase, fresh = BATCH) => takeDueRows(pool, 'mails', { fresh, again: BATCH })

const idsOf = (mails: { id: string }[]) => mails.map(({ id }) => id)

test('a new mail is offered at once, and not again at once', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  expect(await relay(database)).toMatchObject([{ id: mailId, offers: 1, delayMs: 0 }])
  expect(await relay(database)).toEqual([])
})

test('an unsettled mail is offered again after 5, 10, 20, and then every 40 seconds', async () => {
  const database = await useTestDatabase()
  const { user } = await addPending(database)
  await relay(database)
  for (const seconds of [5, 10, 20, 40, 40, 40]) {
    await age(database, user.id, seconds - 2)
    expect(await relay(database)).toEqual([])
    await age(database, user.id, 2)
    expect(await relay(database)).toHaveLength(1)
  }
})

test('a mail that was offered a thousand times is still offered within 45 seconds', async () => {
  const database = await useTestDatabase()
  const { user } = await addPending(database)
  await relay(database)
  await database.pool.query('update mails set offers = 1000')
  await age(database, user.id, 45)
  expect(await relay(database)).toMatchObject([{ offers: 1001 }])
})

test('a settled mail is never offered', async () => {
  const database = await useTestDatabase()
  const { user, mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer()), mailId)
  await age(database, user.id, 3600)
  expect(await relay(database)).toEqual([])
})

test('mails that were never offered go first, the newest before all, and those that were do not delay them', async () => {
  const database = await useTestDatabase()
  const again = await addPending(database)
  await relay(database)
  await age(database, again.user.id, 500)
  const younger = await addPending(database)
  const older = await addPending(database)
  await age(database, older.user.id, 100)
  const order: string[] = []
  for (let i = 0; i < 2; i++) order.push(...idsOf(await takeDueRows(database.pool, 'mails', { fresh: 1, again: 0 })))
  order.push(...idsOf(await relay(database)))
  expect(order).toEqual([younger.mailId, older.mailId, again.mailId])
})

test('the newer a mail, the sooner its job goes; priorities outlive years, as they begin anew while little waits', async () => {
  const database = await useTestDatabase()
  await heartbeat(database.pool, 'mails', 0)
  await database.pool.query(
    "update outboxes set priority_from = now() - interval '300 days', beat_at = now() - interval '1 hour'",
  )
  await heartbeat(database.pool, 'mails', 5)
  const [young, old] = [await addPending(database), await addPending(database)]
  await age(database, old.user.id, 60)
  const priorities = new Map((await relay(database)).map(({ id, priority }) => [id, priority]))
  expect(priorities.get(young.mailId)).toBeLessThan(priorities.get(old.mailId) ?? 0)
  for (const priority of priorities.values()) {
    expect(priority).toBeGreaterThan(2 ** 20)
    expect(priority).toBeLessThan(2 ** 21)
  }
})

test('a mail that is to be tried later is offered again when its job is overdue, not before', async () => {
  const database = await useTestDatabase()
  const { user, mailId } = await addPending(database)
  await relay(database)
  await deliver(deliverTools(database, scriptedMailer(clearNo(60_000))), mailId)
  await age(database, user.id, 60)
  expect(await relay(database)).toEqual([])
  await age(database, user.id, 11)
  expect(await relay(database)).toMatchObject([{ id: mailId, delayMs: 0 }])
})

test('a batch is bounded, and the next one takes the rest', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  await database.pool.query(
    `with copies as (
       insert into codes (id, user_id, digits, key_id, mailbox_keys, superseded_at)
       select gen_random_uuid(), codes.user_id, 4, 'key', '{}', now() from codes, generate_series(1, $1::integer)
       returning id, user_id
     )
     insert into mails (id, user_id, code_id, request_id) select gen_random_uuid(), user_id, id, 'bulk' from copies`,
    [BATCH + 5],
  )
  const [first, second] = [idsOf(await relay(database)), idsOf(await relay(database))]
  expect([first.length, second.length]).toEqual([BATCH, 6])
  const all = new Set([...first, ...second])
  expect(all.size).toBe(BATCH + 6)
  expect(all).toContain(mailId)
})

test('of a backlog that the queue holds a hundred are looked at in a sweep, the longest unseen first, and none by a notification', async () => {
  const database = await useTestDatabase()
  const { user } = await addPending(database)
  await database.pool.query(
    `with copies as (
       insert into codes (id, user_id, digits, key_id, mailbox_keys, superseded_at)
       select gen_random_uuid(), codes.user_id, 4, 'key', '{}', now() from codes, generate_series(1, 249)
       returning id, user_id
     )
     insert into mails (id, user_id, code_id, request_id) select gen_random_uuid(), user_id, id, 'bulk' from copies`,
  )
  while ((await relay(database)).length > 0);
  await age(database, user.id, 60)
  expect(await takeDueRows(database.pool, 'mails', { fresh: BATCH, again: 0 })).toEqual([])
  const looks = [await relay(database), await relay(database), await relay(database), await relay(database)]
  expect(looks.map((rows) => rows.length)).toEqual([100, 100, 50, 0])
  expect(new Set(idsOf(looks.flat())).size).toBe(250)
})

test('two relays at once never take the same mail, and neither waits for the other', async () => {
  const database = await useTestDatabase()
  const people = await Promise.all(Array.from({ length: 12 }, () => addPending(database)))
  const held = await transaction(database.pool, async (tx) => {
    const locked = await tx.query<{ id: string }>('select id from mails limit 5 for update')
    expect(idsOf(await relay(database))).toHaveLength(7)
    return locked.rows
  })
  expect(new Set(idsOf(await relay(database)))).toEqual(new Set(idsOf(held)))
  expect(people).toHaveLength(12)
})

test('many relays at once offer every mail once', async () => {
  const database = await useTestDatabase()
  const people = await Promise.all(Array.from({ length: 30 }, () => addPending(database)))
  const taken = await Promise.all(Array.from({ length: 8 }, () => relay(database, 10)))
  const ids = idsOf([...taken.flat(), ...(await relay(database))])
  expect(ids).toHaveLength(people.length)
  expect(new Set(ids).size).toBe(people.length)
})

test('an offer that the queue could not take is undone', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  await takeOffersBack(database.pool, 'mails', idsOf(await relay(database)))
  const rows = await database.pool.query('select offered_at, offers from mails')
  expect(rows.rows).toEqual([{ offered_at: null, offers: 0 }])
  expect(await measureRelayLag(database.pool, 'mails')).toBeGreaterThan(0)
  expect(await relay(database)).toMatchObject([{ id: mailId, offers: 1 }])
})

test('the lag is the age of the oldest mail that was never offered', async () => {
  const database = await useTestDatabase()
  expect(await measureRelayLag(database.pool, 'mails')).toBe(0)
  const { user } = await addPending(database)
  await age(database, user.id, 30)
  await addPending(database)
  expect(await measureRelayLag(database.pool, 'mails')).toBeGreaterThanOrEqual(30_000)
  await relay(database)
  expect(await measureRelayLag(database.pool, 'mails')).toBe(0)
})

test('the backlog is what is not settled, and the age of the oldest of it', async () => {
  const database = await useTestDatabase()
  expect(await measureBacklog(database.pool, 'mails')).toEqual({ unsettled: 0, oldestSeconds: 0 })
  const [first, second, third] = [await addPending(database), await addPending(database), await addPending(database)]
  await age(database, first.user.id, 50)
  await relay(database)
  await age(database, second.user.id, 20)
  await deliver(deliverTools(database, scriptedMailer()), third.mailId)
  const backlog = await measureBacklog(database.pool, 'mails')
  expect(backlog.unsettled).toBe(2)
  expect(Math.floor(backlog.oldestSeconds)).toBe(50)
})

test('one heartbeat in so many seconds counts; after a minute without one delivery is possible since now', async () => {
  const database = await useTestDatabase()
  const since = async () =>
    (await database.pool.query('select extract(epoch from now() - possible_since)::float8 as s from outboxes')).rows[0]
      ?.s
  expect(await Promise.all(Array.from({ length: 5 }, () => heartbeat(database.pool, 'mails', 5)))).toContain(true)
  expect(await heartbeat(database.pool, 'mails', 5)).toBe(false)
  const letPass = (seconds: number) =>
    database.pool.query(
      "update outboxes set beat_at = beat_at - $1 * interval '1 s', possible_since = possible_since - $1 * interval '1 s'",
      [seconds],
    )
  await letPass(50)
  expect(await heartbeat(database.pool, 'mails', 5)).toBe(true)
  expect(await since()).toBeGreaterThanOrEqual(50)
  await letPass(70)
  expect(await heartbeat(database.pool, 'mails', 5)).toBe(true)
  expect(await since()).toBeLessThan(5)
})

test('nothing is given up untried, nor before delivery was possible for as long; then it goes in batches', async () => {
  const database = await useTestDatabase()
  const people = await Promise.all(Array.from({ length: 5 }, () => addPending(database)))
  const untried = await addPending(database)
  const tools = deliverTools(database, scriptedMailer(...people.map(() => clearNo())))
  for (const { mailId } of people) await deliver(tools, mailId)
  for (const { user } of [...people, untried]) await age(database, user.id, 7200)
  const giveUp = (limit = BATCH) =>
    giveUpOverdueRows(database.pool, 'mails', { afterSeconds: 3600, limit, raisesEvents: true })
  await heartbeat(database.pool, 'mails', 5)
  expect(await giveUp()).toBe(0)
  await database.pool.query("update outboxes set possible_since = now() - interval '59 minutes'")
  expect(await giveUp()).toBe(0)
  await database.pool.query("update outboxes set possible_since = now() - interval '61 minutes'")
  expect([await giveUp(3), await giveUp(3), await giveUp(3)]).toEqual([3, 2, 0])
  expect(await readMail(database, untried.mailId)).toMatchObject({ outcome: null })
})
