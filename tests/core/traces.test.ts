import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findEventTraces, findMailTraces } from '../../src/core/postgres/outbox/traces.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { addPending, type Pending } from './fixtures.ts'

const LIMIT = 3

let database: TestDatabase
let pending: Pending

beforeAll(async () => {
  database = await createTestDatabase()
  pending = await addPending(database)
  await addPending(database)
  await database.pool.query("update mails set request_id = 'Its-Request' where id = $1", [pending.mailId])
  await database.pool.query("update users set ref = 'K7QX' where id = $1", [pending.user.id])
})
afterAll(() => database.drop())

const find = async (wanted: string) => (await findMailTraces(database.pool, wanted, LIMIT)).map(({ mailId }) => mailId)

test('a mail is found by its id, request, registration and reference', async () => {
  const { mailId, user } = pending
  for (const wanted of [mailId, mailId.toUpperCase(), user.id, 'Its-Request', 'K7QX', 'k7qx'])
    expect([wanted, await find(wanted)]).toEqual([wanted, [mailId]])
})

test('a request that looks like an id is found too', async () => {
  const [{ mailId }, requestId] = [await addPending(database), randomUUID()]
  await database.pool.query('update mails set request_id = $2 where id = $1', [mailId, requestId])
  expect(await find(requestId)).toEqual([mailId])
})

test.each([randomUUID(), 'no-such-request', 'its-request', 'ZZZZ', "' or true; --", '%'])(
  'nobody has heard of %j',
  async (wanted) => {
    expect(await find(wanted)).toEqual([])
  },
)

test('an event is found by its id, registration and reference, also when its registration is gone', async () => {
  const { user } = pending
  const add = async (userId: string) =>
    (
      await database.pool.query(
        "insert into events (type, user_id, data) values ('user.deleted', $1, '{}') returning id",
        [userId],
      )
    ).rows[0]?.id
  const [id, gone] = [await add(user.id), randomUUID()]
  const others = [await add(gone), await add(gone)]
  const findEvents = async (wanted: string) =>
    (await findEventTraces(database.pool, wanted, LIMIT)).map(({ eventId }) => eventId)
  for (const wanted of [id, id.toUpperCase(), user.id, 'K7QX', 'k7qx'])
    expect([wanted, await findEvents(wanted)]).toEqual([wanted, [id]])
  expect(await findEvents(gone)).toEqual(others)
  for (const wanted of [randomUUID(), 'ZZZZ', 'user.deleted', '%']) expect(await findEvents(wanted)).toEqual([])
})

test('of many that one reference names these are the newest, the oldest of them first', async () => {
  const mails: string[] = []
  while (mails.length <= LIMIT) {
    const { mailId, user } = await addPending(database)
    await database.pool.query("update users set ref = 'TW1N' where id = $1", [user.id])
    mails.push(mailId)
  }
  expect(await find('TW1N')).toEqual(mails.slice(1))
})
