import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool } from '../../src/core/postgres/pool.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import { type App, count, expectProblem } from './api-client.ts'

const CLOSED_PORT = 'postgres://nobody@127.0.0.1:1/nothing'
const LIMITS_ON = {
  LIMIT_REGISTRATIONS_PER_NET: '20/1h',
  LIMIT_WRONG_CODES_PER_NET: '20/1h',
  LIMIT_MAILS_PER_MAILBOX: '8/1h',
  LIMIT_FAILED_LOGINS_PER_USER: '10/1h',
  LIMIT_FAILED_LOGINS_PER_NET: '60/1h',
}

const unreachable = (): TestDatabase => {
  const pool = createPool(CLOSED_PORT, { max: 1, name: 'test', logger: silent })
  return { url: CLOSED_PORT, pool, drop: () => pool.end() }
}

describe.each([
  { limits: 'on', environment: LIMITS_ON },
  { limits: 'off', environment: {} },
])('without PostgreSQL, limits $limits', ({ environment }) => {
  const database = unreachable()
  let app: App
  beforeAll(async () => {
    app = await createTestApi(database, environment)
  })
  afterAll(() => database.drop())

  const authorization = basic('ada@example.com')
  test.each([
    { route: 'POST /v1/users', path: '/v1/users', init: post({ email: 'ada@example.com', password: PASSWORD }) },
    { route: 'GET /v1/users/{id}', path: `/v1/users/${randomUUID()}`, init: { headers: { authorization } } },
    {
      route: 'POST /v1/users/{id}/codes',
      path: `/v1/users/${randomUUID()}/codes`,
      init: { method: 'POST', headers: { authorization } },
    },
    {
      route: 'POST /v1/users/{id}/activation',
      path: `/v1/users/${randomUUID()}/activation`,
      init: post({ code: '0000' }, { authorization }),
    },
  ])('$route is unavailable', async ({ path, init }) => {
    const problem = await expectProblem(await app.request(path, init), 'unavailable')
    expect(JSON.stringify(problem)).not.toMatch(/ECONN|127\.0\.0\.1|select|insert|postgres/i)
  })

  test('what needs no database still answers', async () => {
    for (const path of ['/livez', '/openapi.json', '/docs', '/problems/unavailable'])
      expect((await app.request(path)).status).toBe(200)
    expect((await app.request('/v1/users', post({}))).status).toBe(422)
  })

  test('it is alive and not ready, and says what is missing', async () => {
    const answer = await app.request('/readyz')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ checks: { database: expect.stringMatching(/^down/) } })
  })
})

describe('with PostgreSQL', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  test('more registrations than can be hashed soon are overloaded at once, and store nothing', async () => {
    const app = await createTestApi(database, { BCRYPT_COST: '13' })
    const gone = new AbortController()
    const body = post({ email: 'ada@example.com', password: PASSWORD })
    const calls = Array.from({ length: 16 * availableParallelism() }, async () =>
      app.request(new Request('http://localhost/v1/users', { ...body, signal: gone.signal })),
    )
    const first = await Promise.race(calls)
    await expectProblem(first, 'overloaded')
    gone.abort()
    const answers = await Promise.all(calls)
    const taken = answers.filter(({ status }) => status === 202).length
    expect(answers.every(({ status }) => status === 202 || status === 503)).toBe(true)
    expect(await count(database, 'users')).toBe(taken)
  })

  test('a broken statement is an internal fault that shows nothing of itself', async () => {
    const broken = await createTestDatabase()
    await broken.pool.query('alter table mails rename column code_id to letter_id')
    const app = await createTestApi(broken)
    const answer = await app.request('/v1/users', post({ email: 'ada@example.com', password: PASSWORD }))
    const problem = await expectProblem(answer, 'internal')
    expect(JSON.stringify(problem)).not.toMatch(/mails|letters|relation|insert|select|\bat \b|correct horse/i)
    expect(await count(broken, 'users')).toBe(0)
    await broken.drop()
  })

  test('a database that takes no more writes is unavailable', async () => {
    const readOnly = await createTestDatabase()
    readOnly.pool.on('connect', (client) => void client.query('set default_transaction_read_only = on'))
    const app = await createTestApi(readOnly)
    const answer = await app.request('/v1/users', post({ email: 'ada@example.com', password: PASSWORD }))
    await expectProblem(answer, 'unavailable')
    await readOnly.drop()
  })

  test('it is ready, and not before it is migrated', async () => {
    const empty = await createTestDatabase()
    const app = await createTestApi(empty)
    const ready = await app.request('/readyz')
    expect([ready.status, await ready.json()]).toMatchObject([200, { checks: { database: 'ok', migrations: 'ok' } }])
    await empty.pool.query('drop table migrations')
    const answer = await app.request('/readyz')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({
      checks: { database: 'ok', migrations: expect.stringMatching(/^down/) },
    })
    await empty.drop()
  })
})
