import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool } from '../../src/core/postgres/pool.ts'
import { basic, createTestApi } from '../support/api.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { type App, expectProblem, type Registered, read, register } from './api-client.ts'

let database: TestDatabase
let proxy: Awaited<ReturnType<typeof startProxy>>
let app: App
let user: Registered

beforeAll(async () => {
  database = await createTestDatabase()
  proxy = await startProxy(database.url)
  const pool = createPool(proxy.url, { max: 2, name: 'test', logger: silent })
  app = await createTestApi({ url: proxy.url, pool, drop: () => pool.end() })
  user = await register(app, 'ada@example.com')
})
afterAll(async () => {
  proxy.close()
  await database.drop()
})

const LONGEST_WAIT_MS = 20_000

test('a PostgreSQL that keeps its connections and says nothing is unavailable, and works again afterwards', async () => {
  proxy.freeze()
  const signal = AbortSignal.timeout(LONGEST_WAIT_MS)
  const silence = new Promise<'silence'>((resolve) => signal.addEventListener('abort', () => resolve('silence')))
  const authorization = basic(user.email)
  const answer = await Promise.race([app.request(`/v1/users/${user.id}`, { headers: { authorization } }), silence])
  const ready = await Promise.race([app.request('/readyz'), silence])
  proxy.thaw()
  if (answer === 'silence' || ready === 'silence') return expect.fail('there was no answer')
  await expectProblem(answer, 'unavailable')
  expect(ready.status).toBe(503)
  await expect.poll(async () => (await read(app, user)).status).toBe(200)
})
