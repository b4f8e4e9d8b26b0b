import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type Pool } from '../../src/core/postgres/pool.ts'
import { type App, activate, registerAndDeliver } from '../api/api-client.ts'
import { readUser } from '../support/answers.ts'
import { createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import { startProxy, type TcpProxy } from '../support/proxy.ts'

// As it is on the wire, with the end of a statement: a transaction also begins with this word in it.
const COMMIT = ['commit\0', 'COMMIT\0'] as const

let database: TestDatabase
let proxy: TcpProxy
let pool: Pool
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  proxy = await startProxy(database.url)
  pool = createPool(proxy.url, { max: 2, name: 'test', logger: silent })
  app = await createTestApi({ ...database, pool })
})
afterAll(async () => {
  await pool.end()
  await proxy.close()
  await database.drop()
})

test('a registration whose commit was never answered is 503, and its repetition finds it', async () => {
  const register = () =>
    app.request('/v1/users', post({ email: 'ada@example.com', password: PASSWORD }, { 'idempotency-key': 'once' }))
  proxy.loseAnswerTo(...COMMIT)
  const lost = await register()
  expect(lost.status).toBe(503)
  expect(lost.headers.get('retry-after')).not.toBeNull()
  const stored = await database.pool.query<{ id: string }>('select id from users')
  expect(stored.rows).toHaveLength(1)
  const repeated = await register()
  expect(repeated.status).toBe(202)
  expect((await readUser(repeated)).id).toBe(stored.rows[0]?.id)
  expect((await database.pool.query('select 1 from mails')).rowCount).toBe(1)
})

test('an activation whose commit was never answered is 503, and its repetition answers 200', async () => {
  const user = await registerAndDeliver(app, database, 'grace@example.com')
  proxy.loseAnswerTo(...COMMIT)
  expect((await activate(app, user, user.code)).status).toBe(503)
  const repeated = await activate(app, user, user.code)
  expect(repeated.status).toBe(200)
  expect((await readUser(repeated)).status).toBe('active')
})
