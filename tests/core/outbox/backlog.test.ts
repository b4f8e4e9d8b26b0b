import { expect, test } from 'vitest'
import { measureBacklog, measureRelayLag } from '../../../src/core/postgres/outbox/backlog.ts'
import { giveUpOverdueRows, heartbeat } from '../../../src/core/postgres/outbox/outbox-rows.ts'
import { useTestDatabase } from '../../support/database.ts'
import { deliverTools } from '../../support/delivery.ts'
import { addPending, age, clearNo, deliver, readMail, scriptedMailer } from '../fixtures.ts'
import { BATCH, relay } from './relay.ts'

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
  const beats = await Promise.all(Array.from({ length: 5 }, () => heartbeat(database.pool, 'mails', 5)))
  expect(beats.filter((priority) => priority !== null)).toHaveLength(1)
  expect(await heartbeat(database.pool, 'mails', 5)).toBeNull()
  const letPass = (seconds: number) =>
    database.pool.query(
      "update outboxes set beat_at = beat_at - $1 * interval '1 s', possible_since = possible_since - $1 * interval '1 s'",
      [seconds],
    )
  await letPass(50)
  expect(await heartbeat(database.pool, 'mails', 5)).not.toBeNull()
  expect(await since()).toBeGreaterThanOrEqual(50)
  await letPass(70)
  expect(await heartbeat(database.pool, 'mails', 5)).not.toBeNull()
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
