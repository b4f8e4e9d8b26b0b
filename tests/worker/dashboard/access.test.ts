import { appRoutes } from '@bull-board/api/dist/routes.js'
import { describe, expect, test } from 'vitest'
import { basic } from '../../support/api.ts'
import { backends } from '../../support/backends.ts'
import { AUTHORIZED, OPERATOR, OWN_ORIGIN, shareDashboard } from './shared-dashboard.ts'

const LET_THROUGH = [
  'put /api/queues/pause',
  'put /api/queues/resume',
  'put /api/queues/:queueName/retry/:queueStatus',
  'put /api/queues/:queueName/promote',
  'put /api/queues/:queueName/pause',
  'put /api/queues/:queueName/resume',
  'put /api/queues/:queueName/rate-limit/release',
  'put /api/queues/:queueName/:jobId/retry',
  'put /api/queues/:queueName/:jobId/promote',
]

/** Every way in which Bull Board changes something. */
const mutating = appRoutes.api
  .flatMap(({ method, route }) => [method].flat().flatMap((verb) => [route].flat().map((path) => ({ verb, path }))))
  .filter(({ verb }) => verb !== 'get')
const isLetThrough = ({ verb, path }: { verb: string; path: string }) => LET_THROUGH.includes(`${verb} ${path}`)

test('what is let through are ways that Bull Board has', () => {
  expect(mutating.filter(isLetThrough)).toHaveLength(LET_THROUGH.length)
  expect(mutating.length).toBeGreaterThan(LET_THROUGH.length + 10)
})

describe.each(backends)('the dashboard of jobs on %s', (backend) => {
  const { failOne, get, queue, request, send } = shareDashboard(backend)

  test.each([
    { who: 'nobody', client: '192.0.2.11', headers: {} },
    { who: 'another user', client: '192.0.2.12', headers: { authorization: basic('root', OPERATOR.password) } },
    {
      who: 'a wrong password',
      client: '192.0.2.13',
      headers: { authorization: basic(OPERATOR.username, 'hunter2') },
    },
    { who: 'an empty password', client: '192.0.2.14', headers: { authorization: basic(OPERATOR.username, '') } },
    { who: 'another scheme', client: '192.0.2.15', headers: { authorization: 'Bearer operator' } },
    { who: 'nonsense', client: '192.0.2.16', headers: { authorization: 'Basic %%%' } },
  ])('$who gets 401 everywhere', async ({ client, headers }) => {
    const paths = ['', '/', '/queue/mail', '/api/queues', '/api/redis/stats', '/static/favicon.ico', '/no/such/path']
    for (const path of paths) {
      const answer = await get(`/dashboard${path}`, headers, client)
      expect([path, answer.status]).toEqual([path, 401])
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
    }
    const put = { method: 'PUT', headers: { ...OWN_ORIGIN, ...headers } }
    const pause = await request('/dashboard/api/queues/pause', put, client)
    expect(pause.status).toBe(401)
    expect(await queue().isPaused()).toBe(false)
  })

  test('the operator gets the page, and its scripts and styles from the same host', async () => {
    const page = await get('/dashboard')
    expect(page.status).toBe(200)
    const html = await page.text()
    expect(html).toContain('Latchkey')
    const parts = [...html.matchAll(/(?:src|href)="(static\/[^"]+\.(?:js|css))"/g)].map(([, path = '']) => path)
    expect(parts.length).toBeGreaterThan(0)
    expect(html).toContain('<base href="/dashboard/"')
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    for (const part of parts) expect([part, (await get(`/dashboard/${part}`)).status]).toEqual([part, 200])
  })

  test('behind a path prefix that a trusted proxy names, the page and its parts are asked for below it', async () => {
    const headers = { ...AUTHORIZED, 'x-forwarded-prefix': '/ops' }
    const page = await (await get('/dashboard', headers, '10.0.0.1')).text()
    expect(page).toContain('<base href="/ops/dashboard/"')
    expect(page).not.toContain('"/dashboard/')
    expect((await get('/dashboard/', headers, '10.0.0.1')).headers.get('location')).toBe('/ops/dashboard')
    expect(await (await get('/dashboard', headers)).text()).toContain('<base href="/dashboard/"')
  })

  test.each(['/api/queues/mail/%00', '/api/queues/mail/%00/logs', '/api/queues/%00', '/queue/mail/a%00b'])(
    '%s, an id that nothing can have, is not found',
    async (path) => {
      expect((await get(`/dashboard${path}`)).status).toBe(404)
    },
  )

  test('/dashboard/ leads to /dashboard', async () => {
    const answer = await get('/dashboard/')
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/dashboard'])
  })

  test('no other page may frame it, and its content policy lets no other host in', async () => {
    const { headers } = await get('/dashboard')
    expect(headers.get('x-frame-options')).toBe('DENY')
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("default-src 'self'")
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  test.each(mutating.filter((route) => !isLetThrough(route)))(
    '$verb $path is refused with 403',
    async ({ verb, path }) => {
      const user = await failOne(`safe-${path.replaceAll(/\W+/g, '-')}@example.com`)
      const filled = path.replace(':queueName', 'mail').replace(':jobId', user.mailId).replace(':schedulerId', 'hourly')
      for (const status of ['failed', 'completed', 'wait', 'waiting', 'delayed', 'active', 'paused', 'latest']) {
        const answer = await send(verb.toUpperCase(), `/dashboard${filled.replace(':queueStatus', status)}`)
        expect([filled, status, answer.status]).toEqual([filled, status, 403])
      }
      expect(await queue().getJob(user.mailId)).toMatchObject({ data: { mailId: user.mailId } })
      expect(await queue().getJobState(user.mailId)).toBe('failed')
    },
  )

  test.each([
    { method: 'PUT', path: '/api/queues/mail/retry/completed' },
    { method: 'PUT', path: '/api/queues/mail/clean/retry' },
    { method: 'PUT', path: '/api/queues/mail/clean/pause' },
    { method: 'PUT', path: '/api/queues/mail/clean/promote' },
    { method: 'PATCH', path: '/api/queues/mail/job-schedulers/retry' },
    { method: 'PUT', path: '/api/queues/mail/%65mpty' },
    { method: 'PUT', path: '/api/queues/mail/obliterate/' },
    { method: 'PUT', path: '/api/queues/mail//obliterate' },
    { method: 'PUT', path: '/api/queues/mail/obliterate?/retry' },
    { method: 'PUT', path: '/api/queues/mail/job%2Fclean/../obliterate' },
    { method: 'DELETE', path: '/api/queues/mail' },
    { method: 'POST', path: '/api/metrics/history/purge' },
  ])('$method $path, which looks like what is allowed or hides what is not, is refused', async ({ method, path }) => {
    expect((await send(method, `/dashboard${path}`)).status).toBe(403)
  })

  test.each([
    { origin: 'http://evil.example', type: 'text/plain' },
    { origin: 'http://evil.example', type: 'application/x-www-form-urlencoded' },
    { origin: 'http://evil.example', type: 'multipart/form-data; boundary=x' },
    { origin: 'http://evil.example', type: '' },
    { origin: 'null', type: 'text/plain' },
    { origin: 'http://localhost.evil.example', type: 'text/plain' },
    { origin: 'http://localhost:81', type: 'text/plain' },
    { origin: 'http://evil.example', type: 'application/json' },
  ])(
    'a page of $origin cannot act with the operator\'s cached credentials by sending "$type"',
    async ({ origin, type }) => {
      for (const method of ['PUT', 'POST']) {
        const headers = { origin, 'content-type': type, 'sec-fetch-site': 'cross-site' }
        expect([method, (await send(method, '/dashboard/api/queues/mail/pause', headers)).status]).toEqual([
          method,
          403,
        ])
      }
      expect(await queue().isPaused()).toBe(false)
    },
  )

  test("a browser's preflight from another host gets no permission", async () => {
    const asks = { origin: 'http://evil.example', 'access-control-request-method': 'PUT' }
    for (const headers of [asks, { ...asks, ...AUTHORIZED }]) {
      const answer = await request('/dashboard/api/queues/mail/pause', { method: 'OPTIONS', headers })
      expect(answer.ok).toBe(false)
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    }
  })
})
