import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, expectProblem, from, type Registered, register } from './api-client.ts'

let database: TestDatabase
let app: App
let user: Registered

beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '1/1h', TRUSTED_PROXIES: '10.0.0.0/8' })
  user = await register(app, 'ada@example.com')
  const limited = '/v1/users/limited'
  await app.request(limited, { headers: { authorization: basic('ada@example.com') } })
})
afterAll(() => database.drop())

type Call = { status: number; path: string; init?: RequestInit }
const calls: Call[] = [
  { status: 200, path: '/livez' },
  { status: 200, path: '/readyz' },
  { status: 200, path: '/openapi.json' },
  { status: 200, path: '/docs' },
  { status: 200, path: '/problems/internal' },
  { status: 202, path: '/v1/users', init: post({ email: 'grace@example.com', password: PASSWORD }) },
  { status: 400, path: '/v1/users', init: post('{') },
  { status: 401, path: '/v1/users/x' },
  { status: 404, path: '/nothing' },
  { status: 405, path: '/v1/users' },
  { status: 413, path: '/v1/users', init: post('x'.repeat(5000)) },
  { status: 415, path: '/v1/users', init: { method: 'POST', body: '{}' } },
  { status: 422, path: '/v1/users', init: post({}) },
  { status: 429, path: '/v1/users/limited', init: { headers: { authorization: basic('ada@example.com') } } },
]

describe.each(calls)('an answer with $status to $path', ({ status, path, init }) => {
  const call = (headers: Record<string, string> = {}) =>
    app.request(path, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), ...headers } })

  test('is not stored, framed, sniffed or told to others', async () => {
    const answer = await call()
    expect(answer.status).toBe(status)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
    })
    expect(answer.headers.has('strict-transport-security')).toBe(false)
    expect(answer.headers.has('x-powered-by')).toBe(false)
  })

  test('carries the request id of the caller', async () => {
    expect((await call({ 'x-request-id': 'a.B_c-1' })).headers.get('x-request-id')).toBe('a.B_c-1')
    expect((await call({ 'x-correlation-id': 'corr-1' })).headers.get('x-request-id')).toBe('corr-1')
  })
})

describe('Strict-Transport-Security', () => {
  const of = async (peer: string, scheme: string) => {
    const headers = { 'x-forwarded-proto': scheme }
    return (await app.request('/nothing', { headers }, from(peer))).headers.get('strict-transport-security')
  }

  test('is sent where a trusted proxy says that the request came by HTTPS, and speaks of no other host', async () => {
    expect(await of('10.0.0.1', 'https')).toBe('max-age=15552000')
  })

  test('is not sent by HTTP, and not because a stranger says so', async () => {
    expect(await of('10.0.0.1', 'http')).toBeNull()
    expect(await of('192.0.2.1', 'https')).toBeNull()
  })
})

const idOf = async (headers: Record<string, string>) =>
  (await app.request('/livez', { headers })).headers.get('x-request-id')

describe('the request id', () => {
  test.each(['a', '0', '_', '.', '-', 'x'.repeat(64), '01J8-ab.c_D'])('%s is taken', async (id) => {
    expect(await idOf({ 'x-request-id': id })).toBe(id)
  })

  test.each(['', ' ', 'a b', 'a/b', 'a,b', 'a, b', 'é', '<script>', '"a"', 'a;b', 'x'.repeat(65), '{x}'])(
    '%j is replaced by a new one',
    async (id) => {
      for (const headers of [{ 'x-request-id': id }, { 'x-correlation-id': id }])
        expect(await idOf(headers)).toMatch(/^[0-9a-f-]{36}$/)
    },
  )

  test('is new for each request that brings none', async () => {
    expect(await idOf({})).not.toBe(await idOf({}))
  })

  test('of two headers X-Request-Id counts, and the other when that is bad', async () => {
    expect(await idOf({ 'x-request-id': 'a', 'x-correlation-id': 'b' })).toBe('a')
    expect(await idOf({ 'x-request-id': 'a b', 'x-correlation-id': 'b' })).toBe('b')
  })
})

describe('a path or a method that is not there', () => {
  test.each([
    '/',
    '/v1',
    '/v1/users/',
    '/v1/user',
    '/v1/users/x/y',
    '/v2/users',
    '/metrics',
    '/dashboard',
    '/docs/../x',
    '/docs/package.json',
    '/docs/..%2fpackage.json',
    '/.env',
    '/%00',
  ])('GET %s is 404', async (path) => {
    await expectProblem(await app.request(path), 'not-found')
  })

  test.each([
    { path: '/v1/users', methods: ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'], allow: ['POST'] },
    { path: '/v1/users/x', methods: ['POST', 'PUT', 'PATCH', 'DELETE'], allow: ['GET', 'HEAD'] },
    { path: '/v1/users/x/codes', methods: ['GET', 'PUT', 'DELETE'], allow: ['POST'] },
    { path: '/v1/users/x/activation', methods: ['GET', 'PUT', 'DELETE'], allow: ['POST'] },
    { path: '/openapi.json', methods: ['POST', 'DELETE'], allow: ['GET', 'HEAD'] },
    { path: '/docs', methods: ['POST', 'DELETE'], allow: ['GET', 'HEAD'] },
    { path: '/problems/internal', methods: ['POST'], allow: ['GET', 'HEAD'] },
    { path: '/livez', methods: ['POST'], allow: ['GET', 'HEAD'] },
    { path: '/readyz', methods: ['POST'], allow: ['GET', 'HEAD'] },
  ])('$path allows $allow and answers 405 to $methods', async ({ path, methods, allow }) => {
    for (const method of methods) {
      const answer = await app.request(path, { method })
      expect([method, answer.status]).toEqual([method, 405])
      expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual(allow)
      if (method !== 'HEAD') await expectProblem(answer, 'method-not-allowed')
    }
  })

  test.each([
    { path: '/nothing', method: 'POST', slug: 'not-found' },
    { path: '/v1/users', method: 'PUT', slug: 'method-not-allowed' },
    { path: '/v1/users/x/activation', method: 'POST', slug: 'unauthenticated' },
    { path: '/v1/users', method: 'POST', slug: 'payload-too-large' },
  ] as const)('a body that is too large for $method $path is $slug', async ({ path, method, slug }) => {
    const headers = { 'content-type': 'application/json', 'content-length': '5000' }
    await expectProblem(await app.request(path, { method, headers, body: 'x'.repeat(5000) }), slug)
  })

  test('the method is looked at before credentials and body', async () => {
    const answer = await app.request(`/v1/users/${user.id}`, { method: 'DELETE', body: '{' })
    await expectProblem(answer, 'method-not-allowed')
  })
})
