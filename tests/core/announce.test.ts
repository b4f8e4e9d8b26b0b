import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { announceMails } from '../../src/core/postgres/mails.ts'
import { resendCode } from '../../src/core/registration/resend-code.ts'
import { useTestDatabase } from '../support/database.ts'
import { addPending, resending, useCaseTools } from './fixtures.ts'

const PATIENT = { timeout: 10_000, interval: 10 }

const listenTo = async (url: string) => {
  const heard: string[] = []
  const client = new pg.Client(url)
  await client.connect()
  onTestFinished(() => client.end())
  client.on('notification', ({ channel }) => heard.push(channel))
  await client.query('listen latchkey_mails')
  return heard
}

test('a thousand commits at once are announced by a few notifications, and the last of them is', async () => {
  const database = await useTestDatabase()
  const heard = await listenTo(database.url)
  for (let index = 0; index < 1000; index += 1) announceMails(database.pool)
  await expect.poll(() => heard.length, PATIENT).toBeGreaterThanOrEqual(2)
  await database.pool.query('select pg_sleep(0.05)')
  expect(heard.length).toBe(2)
  announceMails(database.pool)
  await expect.poll(() => heard.length, PATIENT).toBe(3)
})

test('an announcement that fails is left to the look of the relays, and the next one goes out', async () => {
  const database = await useTestDatabase()
  const heard = await listenTo(database.url)
  const query = database.pool.query.bind(database.pool)
  Object.assign(database.pool, { query: () => Promise.reject(new Error('gone')) })
  announceMails(database.pool)
  Object.assign(database.pool, { query })
  await new Promise(setImmediate)
  announceMails(database.pool)
  await expect.poll(() => heard.length, PATIENT).toBe(1)
})

test('no transaction notifies by itself, and a resend announces after its commit', async () => {
  const database = await useTestDatabase()
  const heard = await listenTo(database.url)
  const { user, mailId } = await addPending(database)
  await database.pool.query("update mails set settled_at = now(), outcome = 'accepted' where id = $1", [mailId])
  await database.pool.query('select pg_sleep(0.05)')
  expect(heard).toEqual([])
  await resendCode(useCaseTools(database), resending(user))
  await expect.poll(() => heard.length, PATIENT).toBe(1)
})
