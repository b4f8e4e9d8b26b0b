import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { handleError } from '../../src/api/answers/handle-error.ts'
import type { ApiEnv } from '../../src/api/context.ts'
import type { Limits } from '../../src/api/limits/limits.ts'
import { authenticateRequest } from '../../src/api/request/authenticate-request.ts'
import { HashingOverloaded } from '../../src/core/credentials/hashing-queue.ts'
import { createPasswordHasher } from '../../src/core/credentials/password.ts'
import { createVerifiedCredentials } from '../../src/core/credentials/verified-credentials.ts'
import { createPool } from '../../src/core/postgres/pool.ts'
import { UNLIMITED } from '../../src/core/postgres/rate-limits.ts'
import { createGuessSurge } from '../../src/core/registration/guess-surge.ts'
import { register } from '../../src/core/registration/register.ts'
import { keyring } from '../core/fixtures.ts'
import { basic } from '../support/api.ts'
import { silent } from '../support/database.ts'
import { POLICY } from '../support/delivery.ts'

/** Tools of a process that has no room for another hash, and no database either: nothing is to be asked of it. */
const createTools = async () => {
  const hasher = await createPasswordHasher(4)
  const checkRoom = vi.fn(() => {
    throw new HashingOverloaded('too much hashing is waiting')
  })
  const of = vi.fn<Limits['of']>(() => ({ ...UNLIMITED, fieldsOf: () => ({}) }))
  const pool = createPool('postgres://nobody@127.0.0.1:1/nothing', { max: 1, name: 'test', logger: silent })
  const asks = (['query', 'read', 'connect'] as const).map((way) => vi.spyOn(pool, way))
  const verified = createVerifiedCredentials()
  const isAsked = () => asks.some(({ mock }) => mock.calls.length > 0)
  return { hasher: { ...hasher, checkRoom }, verified, pool, limits: { of }, isAsked, checkRoom, trustedProxies: [] }
}

test('without room a registration is refused before its limits and before the first statement', async () => {
  const tools = await createTools()
  const policy = { ...POLICY, resendCooldownSeconds: 0 }
  const registration = { email: 'ada@example.com', password: 'correct horse', requestId: 'a-request', body: {} }
  const refusal = register(
    { ...tools, keyring, policy, surge: createGuessSurge(silent) },
    {
      ...{ ...registration, idempotencyKey: 'a-key', locale: 'en', metadata: {}, signal: new AbortController().signal },
      ...{ budget: UNLIMITED, logins: () => UNLIMITED },
    },
  )
  await expect(refusal).rejects.toBeInstanceOf(HashingOverloaded)
  expect(tools.checkRoom).toHaveBeenCalledWith('registration')
  expect(tools.isAsked()).toBe(false)
})

/** An api of this one route. */
const createSignIn = async () => {
  const tools = await createTools()
  const app = new Hono<ApiEnv>()
  app.get('/v1/users/:id', async (c) => c.json(await authenticateRequest(c, tools)))
  app.onError(handleError(silent))
  return { tools, app }
}

test('without room a sign-in is refused before its limits and before the first statement', async () => {
  const { tools, app } = await createSignIn()
  const authorization = basic('ada@example.com')
  const answer = await app.request(`/v1/users/${randomUUID()}`, { headers: { authorization } })
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
  expect(await answer.json()).toMatchObject({ type: '/problems/overloaded' })
  expect(tools.checkRoom).toHaveBeenCalledWith('sign-in')
  expect(tools.isAsked()).toBe(false)
})

const right = basic('ada@example.com')

test.each([
  { what: 'no credentials', headers: {}, rawHeaders: [] },
  { what: 'unreadable ones', headers: { authorization: 'Basic x' }, rawHeaders: ['Authorization', 'Basic x'] },
  {
    what: 'two of them',
    headers: { authorization: right },
    rawHeaders: ['Authorization', right, 'authorization', right],
  },
])('with $what a sign-in is refused at once, room or not', async ({ headers, rawHeaders }) => {
  const { tools, app } = await createSignIn()
  const answer = await app.request(`/v1/users/${randomUUID()}`, { headers }, { incoming: { rawHeaders } })
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
    401,
    'Basic realm="latchkey", charset="UTF-8"',
  ])
  expect(tools.checkRoom).not.toHaveBeenCalled()
  expect(tools.isAsked()).toBe(false)
})

test('an id is counted in one way, however it is written, and for its network', async () => {
  const { tools, app } = await createSignIn()
  const id = randomUUID()
  const incoming = { rawHeaders: ['Authorization', right], socket: { remoteAddress: '192.0.2.1' } }
  await app.request(`/v1/users/${id.toUpperCase()}`, { headers: { authorization: right } }, { incoming })
  expect(tools.limits.of.mock.calls).toEqual([
    [
      ['failed-logins-per-user', id],
      ['failed-logins-per-net', '192.0.2.1'],
    ],
  ])
})
