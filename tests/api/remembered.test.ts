import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/api/app.ts'
import type { ApiTools } from '../../src/api/context.ts'
import { HashingOverloaded } from '../../src/core/credentials/hashing-queue.ts'
import { createVerifiedCredentials } from '../../src/core/credentials/verified-credentials.ts'
import { record } from '../core/postgres/plans.ts'
import { basic, createTestApi, createTestTools, PASSWORD } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, from, register, registerAndActivate } from './api-client.ts'

let database: TestDatabase
let app: App
let hashes = 0
let isFull = false
let now = 0

beforeAll(async () => {
  database = await createTestDatabase()
  const tools = await createTestTools(database)
  const { hasher } = tools
  const refuse = () => {
    if (isFull) throw new HashingOverloaded('full')
  }
  const counting: ApiTools['hasher'] = {
    ...hasher,
    checkRoom: refuse,
    verify: (...work) => {
      refuse()
      hashes += 1
      return hasher.verify(...work)
    },
  }
  const verified = createVerifiedCredentials({ nowMs: () => now })
  app = createApp({ ...tools, hasher: counting, verified })
})
afterAll(() => database.drop())

const get = (path: string, email: string, password = PASSWORD, at = '192.0.2.1') =>
  app.request(path, { headers: { authorization: basic(email, password) } }, from(at))
const counted = async (ask: () => Response | Promise<Response>, times: number) => {
  const before = hashes
  const statuses = new Set<number>()
  for (let i = 0; i < times; i += 1) statuses.add((await ask()).status)
  return { statuses: [...statuses], hashes: hashes - before }
}

/** What is answered while there is no room for a hash, and after how many looks at who it is. */
const whenFull = async (...asks: (() => Response | Promise<Response>)[]) => {
  const statuses: number[] = []
  isFull = true
  const lookUps = await record(async () => {
    for (const ask of asks) statuses.push((await ask()).status)
  }, /from users|join users/)
  isFull = false
  return { statuses, lookUps: lookUps.length }
}

test('thirty polls with right credentials cost one hash, and wrong ones one each', async () => {
  const user = await registerAndActivate(app, database, 'poller@example.com')
  for (const path of [`/v1/users/${user.id}`, '/v1/account']) {
    expect(await counted(() => get(path, user.email), 30)).toEqual({ statuses: [200], hashes: 1 })
    expect(await counted(() => get(path, user.email, 'another password'), 3)).toEqual({ statuses: [401], hashes: 3 })
  }
})

test('polling does not prolong the minute', async () => {
  const user = await registerAndActivate(app, database, 'patient@example.com')
  for (const path of [`/v1/users/${user.id}`, '/v1/account']) {
    const poll = () => counted(() => get(path, user.email), 2)
    expect(await poll()).toEqual({ statuses: [200], hashes: 1 })
    now += 59_999
    expect(await poll()).toEqual({ statuses: [200], hashes: 0 })
    now += 1
    expect(await poll()).toEqual({ statuses: [200], hashes: 1 })
  }
})

test('who is remembered costs a hash, and needs room for it, wherever something is changed', async () => {
  const user = await registerAndActivate(app, database, 'changing@example.com')
  const acts = [
    { method: 'POST', path: `/v1/users/${user.id}/codes`, status: 409 },
    { method: 'DELETE', path: '/v1/account', status: 204 },
  ]
  for (const { method, path, status } of acts) {
    await get(`/v1/users/${user.id}`, user.email)
    await get('/v1/account', user.email)
    const act = () => app.request(path, { method, headers: { authorization: basic(user.email) } }, from('192.0.2.1'))
    expect(await whenFull(act)).toEqual({ statuses: [503], lookUps: 0 })
    expect(await counted(act, 1)).toEqual({ statuses: [status], hashes: 1 })
  }
})

test('without room who is remembered is served, and from another network nobody is', async () => {
  const user = await registerAndActivate(app, database, 'remembered@example.com')
  for (const path of [`/v1/users/${user.id}`, '/v1/account']) {
    await get(path, user.email)
    expect(await whenFull(() => get(path, user.email))).toMatchObject({ statuses: [200] })
    const strange = [
      () => get(path, user.email, PASSWORD, '192.0.2.2'),
      () => get(path, user.email, 'another password'),
    ]
    expect(await whenFull(...strange)).toEqual({ statuses: [503, 503], lookUps: 0 })
  }
})

test('a password that is changed by another process ends it at once', async () => {
  const user = await registerAndActivate(app, database, 'changed@example.com')
  await get(`/v1/users/${user.id}`, user.email)
  await get('/v1/account', user.email)
  const other = await createTestApi(database)
  const changed = await other.request('/v1/account/password', {
    method: 'PUT',
    headers: { authorization: basic(user.email), 'content-type': 'application/json' },
    body: JSON.stringify({ password: 'another horse battery' }),
  })
  expect(changed.status).toBe(204)
  expect((await get(`/v1/users/${user.id}`, user.email)).status).toBe(401)
  expect((await get('/v1/account', user.email)).status).toBe(401)
})

test('another address with the right id and password is 401 after a hash', async () => {
  const user = await register(app, 'mine@example.com')
  await get(`/v1/users/${user.id}`, user.email)
  expect(await counted(() => get(`/v1/users/${user.id}`, 'other@example.com'), 1)).toEqual({
    statuses: [401],
    hashes: 1,
  })
})

test('repeating a registration costs no hash', async () => {
  const repeat = (password = PASSWORD, key = 'a-repeated-key') =>
    app.request('/v1/users', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ email: 'repeated@example.com', password }),
    })
  await repeat()
  // What is remembered of one key is not that of another.
  await repeat(PASSWORD, 'another-key')
  expect(await counted(repeat, 5)).toEqual({ statuses: [202], hashes: 0 })
  expect(await counted(() => repeat('another password'), 2)).toEqual({ statuses: [422], hashes: 2 })
})
