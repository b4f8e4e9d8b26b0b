import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiEnv } from '../../src/api/context.ts'
import { allowOrigins } from '../../src/api/request/cross-origin.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, expectProblem } from './api-client.ts'

const ORIGIN = 'https://app.example.com'
const OTHER = 'http://localhost:5173'

let database: TestDatabase
let app: App
let closed: App

beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database, {
    CORS_ORIGINS: `${ORIGIN}, ${OTHER}`,
    LIMIT_FAILED_LOGINS_PER_USER: '1/1h',
    MAIL_PROVIDER: 'resend',
    MAIL_EVENTS_SECRET: `whsec_${Buffer.from('a secret of the tests').toString('base64')}`,
  })
  closed = await createTestApi(database)
})
afterAll(() => database.drop())

const preflight = (path: string, method = 'POST', origin = ORIGIN, own = app) =>
  own.request(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
  })
const listOf = (answer: Response, name: string) =>
  (answer.headers.get(name) ?? '')
    .toLowerCase()
    .split(/\s*,\s*/)
    .toSorted()

test.each([
  ['/v1/users', 'POST'],
  ['/v1/users/x', 'GET'],
  ['/v1/users/x/codes', 'POST'],
  ['/v1/account', 'DELETE'],
  ['/v1/account/password', 'PUT'],
  ['/problems/internal', 'GET'],
])('the preflight of %s is answered', async (path, method) => {
  for (const origin of [ORIGIN, OTHER]) {
    const answer = await preflight(path, method, origin)
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    expect(listOf(answer, 'access-control-allow-headers')).toEqual([
      'accept-language',
      'authorization',
      'content-type',
      'idempotency-key',
      'x-request-id',
    ])
    expect(listOf(answer, 'access-control-allow-methods')).toEqual(['delete', 'get', 'head', 'post', 'put'])
    expect(listOf(answer, 'vary')).toContain('origin')
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    expect(answer.headers.get('x-request-id')).not.toBeNull()
  }
})

const calls: { status: number; path: string; init?: RequestInit }[] = [
  { status: 202, path: '/v1/users', init: post({ email: 'ada@example.com', password: PASSWORD }) },
  { status: 200, path: '/openapi.json' },
  { status: 400, path: '/v1/users', init: post('{') },
  { status: 401, path: '/v1/users/x' },
  { status: 404, path: '/nothing' },
  { status: 405, path: '/v1/users', init: { method: 'DELETE' } },
  { status: 413, path: '/v1/users', init: post('x'.repeat(5000)) },
  { status: 415, path: '/v1/users', init: { method: 'POST', body: '{}' } },
  { status: 422, path: '/v1/users', init: post({}) },
]
const call = (init: RequestInit | undefined, origin: string) => ({
  ...init,
  headers: { ...Object.fromEntries(new Headers(init?.headers)), origin },
})

test.each(calls)('an answer with $status can be read by a page', async ({ status, path, init }) => {
  const answer = await app.request(path, call(init, ORIGIN))
  expect(answer.status).toBe(status)
  expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN)
  expect(listOf(answer, 'access-control-expose-headers')).toEqual([
    'location',
    'ratelimit',
    'ratelimit-policy',
    'retry-after',
    'x-request-id',
  ])
  expect(listOf(answer, 'vary')).toContain('origin')
})

test('an answer with 429, and one with 503, can be read by a page', async () => {
  const headers = { authorization: basic('ada@example.com') }
  const ask = () => app.request('/v1/users/limited', call({ headers }, ORIGIN))
  await ask()
  const refused = await ask()
  await expectProblem(refused, 'too-many-requests')
  expect(refused.headers.get('access-control-allow-origin')).toBe(ORIGIN)
  const broken = await createTestApi(
    {
      ...database,
      pool: Object.assign(Object.create(database.pool), {
        read: () => Promise.reject(Object.assign(new Error('down'), { code: 'ECONNREFUSED' })),
      }),
    },
    { CORS_ORIGINS: ORIGIN },
  )
  const failed = await broken.request('/v1/users/x', call({ headers }, ORIGIN))
  expect(failed.status).toBeGreaterThanOrEqual(500)
  expect(failed.headers.get('access-control-allow-origin')).toBe(ORIGIN)
})

describe.each([
  'https://evil.example',
  'https://app.example.com.evil.example',
  'https://app.example.com/',
  'http://app.example.com',
  'null',
])('a page of %s', (origin) => {
  test('gets no leave', async () => {
    const answer = await app.request('/openapi.json', call({}, origin))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    expect(listOf(answer, 'vary')).toContain('origin')
    const asked = await preflight('/v1/users', 'POST', origin)
    await expectProblem(asked, 'method-not-allowed')
    expect(asked.headers.get('access-control-allow-origin')).toBeNull()
  })
})

test('a request without an origin varies by it, and is answered as ever', async () => {
  const answer = await app.request('/openapi.json')
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, null])
  expect(listOf(answer, 'vary')).toContain('origin')
})

test('an answer that varies by something else too still says so', async () => {
  const own = new Hono<ApiEnv>().use(allowOrigins([ORIGIN])).get('/', (c) => c.body(null, 200, { Vary: 'Accept' }))
  expect(listOf(await own.request('/'), 'vary')).toEqual(['accept', 'origin'])
})

test('an OPTIONS that is no preflight is refused', async () => {
  await expectProblem(await app.request('/v1/users', call({ method: 'OPTIONS' }, ORIGIN)), 'method-not-allowed')
})

test('the reports of providers are for no page', async () => {
  const path = '/v1/provider-events/resend'
  expect((await preflight(path)).headers.get('access-control-allow-origin')).toBeNull()
  const answer = await app.request(path, call(post('{}'), ORIGIN))
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
})

test('without CORS_ORIGINS nothing of it is there', async () => {
  await expectProblem(await preflight('/v1/users', 'POST', ORIGIN, closed), 'method-not-allowed')
  const answer = await closed.request('/openapi.json', call({}, ORIGIN))
  expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control') || name === 'vary')).toEqual([])
})
