import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { announce } from '../../src/core/postgres/announce.ts'
import { announcedRows } from '../../src/core/postgres/announced-rows.ts'
import { createPool } from '../../src/core/postgres/pool.ts'
import { transaction } from '../../src/core/postgres/transaction.ts'
import { resendCode } from '../../src/core/registration/resend-code.ts'
import { silent, useTestDatabase } from '../support/database.ts'
import { addPending, resending, useCaseTools } from './fixtures.ts'

const listenTo = async (url: string) => {
  const heard: string[] = []
  const client = new pg.Client(url)
  await client.connect()
  onTestFinished(() => client.end())
  client.on('notification', ({ payload = '' }) => heard.push(payload))
  await client.query('listen latchkey_mails')
  return heard
}

test('a thousand commits at once are announced by a few notifications, and the last of them is', async () => {
  const database = await useTestDatabase()
  const heard = await listenTo(database.url)
  for (let index = 0; index < 1000; index += 1) void announce(database.pool, 'mails')
  await expect.poll(() => heard.length).toBeGreaterThanOrEqual(2)
  await database.pool.query('select pg_sleep(0.05)')
  expect(heard.length).toBe(2)
  void announce(database.pool, 'mails')
  await expect.poll(() => heard.length).toBe(3)
})

test('an announcement that fails is left to the look of the relays, and the next one goes out', async () => {
  const database = await useTestDatabase()
  const heard = await listenTo(database.url)
  const query = database.pool.query.bind(database.pool)
  Object.assign(database.pool, { query: () => Promise.reject(new Error('gone')) })
  void announce(database.pool, 'mails')
  Object.assign(database.pool, { query })
  await new Promise(setImmediate)
  void announce(database.pool, 'mails')
  await expect.poll(() => heard.length).toBe(1)
})

test('a registration and a resend are announced when they have committed, and what is rolled back is not', async () => {
  const database = await useTestDatabase()
  const heard = await listenTo(database.url)
  const { user, mailId } = await addPending(database)
  await expect.poll(() => heard.length).toBe(1)
  const undone = transaction(database.pool, async (tx) => {
    tx.announce('mails')
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
  await database.pool.query("update mails set settled_at = now(), outcome = 'accepted' where id = $1", [mailId])
  await resendCode(useCaseTools(database), resending(user))
  await expect.poll(() => heard.length).toBeGreaterThan(1)
  await database.pool.query('select pg_sleep(0.05)')
  expect(heard).toHaveLength(2)
  expect(announcedRows(heard[0] ?? '')).toEqual([{ id: mailId, traceContext: null }])
  expect(announcedRows(heard[1] ?? '')).toHaveLength(1)
})

test('behind a pooler it is announced by a session of its own', async () => {
  const database = await useTestDatabase()
  const heard = await listenTo(database.url)
  const pool = createPool(database.url, { max: 2, name: 'pooled', logger: silent, isPooled: true })
  onTestFinished(() => pool.end())
  await transaction(pool, async (tx) => tx.announce('mails'))
  await expect.poll(() => heard.length).toBe(1)
})
