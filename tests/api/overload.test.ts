import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { afterAll, expect, test } from 'vitest'
import { createPool } from '../../src/core/postgres/pool.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { silent } from '../support/database.ts'
import { expectProblem } from './api-client.ts'

// Each statement fails here, so an answer other than `unavailable` was given before the first of them.
const CLOSED_PORT = 'postgres://nobody@127.0.0.1:1/nothing'
const pool = createPool(CLOSED_PORT, { max: 1, name: 'test', logger: silent })
afterAll(() => pool.end())

const registration = post({ email: 'ada@example.com', password: PASSWORD })
const authorization = basic('ada@example.com')

test.each([
  {
    route: 'POST /v1/users',
    // Without limits and key, nothing is asked of the database before the hash.
    flood: { path: '/v1/users', init: registration },
    path: '/v1/users',
    init: post({ email: 'ada@example.com', password: PASSWORD }, { 'idempotency-key': 'a-key' }),
  },
  {
    route: 'GET /v1/users/{id}',
    // An id that none can have is looked up nowhere.
    flood: { path: '/v1/users/nobody', init: { headers: { authorization } } },
    path: `/v1/users/${randomUUID()}`,
    init: { headers: { authorization } },
  },
])('$route is refused before the first statement when there is no room', async ({ flood, path, init }) => {
  const app = await createTestApi({ url: CLOSED_PORT, pool, drop: async () => {} }, { BCRYPT_COST: '13' })
  await expectProblem(await app.request(path, init), 'unavailable')
  const gone = new AbortController()
  const calls = Array.from({ length: 16 * availableParallelism() }, async () =>
    app.request(new Request(`http://localhost${flood.path}`, { ...flood.init, signal: gone.signal })),
  )
  await expectProblem(await Promise.race(calls), 'overloaded')
  const answer = await app.request(path, init)
  expect(answer.headers.get('retry-after')).toBe('2')
  await expectProblem(answer, 'overloaded')
  gone.abort()
  await Promise.all(calls)
})
