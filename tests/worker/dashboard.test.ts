import { appRoutes } from '@bull-board/api/dist/routes.js'
import type { Hono } from 'hono'
import * as v from 'valibot'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseNetwork } from '../../src/core/process/http/client-network.ts'
import { operatorRetryOfMails } from '../../src/worker/delivery/delivery.ts'
import { createDashboard } from '../../src/worker/operators/dashboard.ts'
import { from } from '../api/api-client.ts'
import { basic } from '../support/api.ts'
import { backends } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import type { TestWorker } from '../support/test-worker.ts'
import { PATIENT, type Stage, setStage } from './stage.ts'

const OPERATOR = { username: 'operator', password: 'hunter2 of the tests' }
const AUTHORIZED = { authorization: basic(OPERATOR.username, OPERATOR.password) }
const PROXIES = [parseNetwork('10.0.0.0/8')].filter((net) => net !== null)
const OWN_ORIGIN = { origin: 'http://localhost' }

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

const shownJob = v.object({
  job: v.object({ timestamp: v.number(), opts: v.object({ delay: v.optional(v.number(), 0) }) }),
})

describe.each(backends)('the dashboard of jobs on %s', (backend) => {
  let stage: Stage
  let worker: TestWorker
  let app: Hono

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await stage.startWorker()
    app = createDashboard([worker.queue], {
      operator: OPERATOR,
      trustedProxies: PROXIES,
      logger: silent,
      operatorRetries: { mail: operatorRetryOfMails(stage.pool) },
    })
  })
  beforeEach(async () => {
    stage.provider.answerWith([])
    await worker.queue.resume()
  })
  afterAll(() => stage.close())

  const get = (path: string, headers: Record<string, string> = AUTHORIZED, client = '192.0.2.1') =>
    app.request(path, { headers }, from(client))
  const send = (method: string, path: string, headers: Record<string, string> = {}) =>
    app.request(path, {
      method,
      headers: { ...AUTHORIZED, ...OWN_ORIGIN, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        name: 'send-code',
        data: { mailId: 'x' },
        jobData: { mailId: 'x' },
        concurrency: 1,
        delay: 1,
      }),
    })

  const failOne = async (email: string) => {
    stage.provider.answerWith([422])
    const user = await stage.register(email)
    await expect.poll(() => worker.queue.getJobState(user.mailId), PATIENT).toBe('failed')
    return user
  }

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
    const pause = await app.request('/dashboard/api/queues/pause', put, from(client))
    expect(pause.status).toBe(401)
    expect(await worker.queue.isPaused()).toBe(false)
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

  test('the listing shows the queue and its jobs, and nothing personal', async () => {
    const user = await failOne('listed@example.com')
    const listing = await get('/dashboard/api/queues?activeQueue=mail&status=failed&page=1&jobsPerPage=10')
    expect(listing.status).toBe(200)
    const text = await listing.text()
    expect(JSON.parse(text)).toMatchObject({
      queues: [
        {
          name: 'mail',
          counts: { failed: expect.any(Number) },
          jobs: expect.arrayContaining([
            expect.objectContaining({
              id: user.mailId,
              failedReason: 'resend-422 validation-error',
              data: { mailId: user.mailId },
            }),
          ]),
        },
      ],
    })
    expect(text).not.toContain('listed@')
    const one = await get(`/dashboard/api/queues/mail/${user.mailId}`)
    expect(await one.json()).toMatchObject({ status: 'failed', job: { id: user.mailId } })
  })

  test('a failed job is retried from the dashboard, and the mail arrives', async () => {
    const user = await failOne('retried@example.com')
    expect((await send('PUT', `/dashboard/api/queues/mail/${user.mailId}/retry`)).status).toBe(204)
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('accepted')
  })

  test('all failed jobs are retried at once', async () => {
    const users = [await failOne('one@example.com'), await failOne('two@example.com')]
    expect((await send('PUT', '/dashboard/api/queues/mail/retry/failed')).status).toBe(200)
    for (const user of users) await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('accepted')
  })

  test.each(['/mail', ''])('a pause of %s holds mails back until the end of it', async (queue) => {
    expect((await send('PUT', `/dashboard/api/queues${queue}/pause`)).status).toBeLessThan(300)
    expect(await worker.queue.isPaused()).toBe(true)
    const user = await stage.register(`paused${queue.length}@example.com`)
    await expect.poll(() => worker.queue.getJob(user.mailId), PATIENT).toBeDefined()
    const listing = await (await get('/dashboard/api/queues')).json()
    expect(listing).toMatchObject({ queues: [{ isPaused: true }] })
    expect(await stage.outcomeOf(user.mailId)).toBeNull()
    expect((await send('PUT', `/dashboard/api/queues${queue}/resume`)).status).toBeLessThan(300)
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('accepted')
  })

  test('the time of the next try is the time of the last one and its delay', async () => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('next-try@example.com')
    const difference = async () => {
      const { job } = v.parse(shownJob, await (await get(`/dashboard/api/queues/mail/${user.mailId}`)).json())
      const { delay = 0, processedOn = 0 } = (await worker.queue.getJob(user.mailId)) ?? {}
      return delay > 0 ? job.timestamp + job.opts.delay - (processedOn + delay) : null
    }
    // Between two looks the job may run.
    await expect.poll(difference, PATIENT).toBe(0)
  })

  test.each(['job', 'queue'])('a delayed mail leaves at once when the operator promotes its %s', async (what) => {
    stage.provider.answerWith([], 503)
    const user = await stage.register(`promoted-${what}@example.com`)
    const job = () => worker.queue.getJob(user.mailId)
    // The longer it has failed, the longer the delay that the promotion ends.
    await expect.poll(async () => (await job())?.attemptsMade, PATIENT).toBeGreaterThanOrEqual(2)
    stage.provider.answerWith([])
    const path = what === 'job' ? `/${user.mailId}/promote` : '/promote'
    await expect.poll(() => worker.queue.getJobState(user.mailId), PATIENT).toMatch(/delayed|completed/)
    expect((await send('PUT', `/dashboard/api/queues/mail${path}`)).status).toBeLessThan(500)
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('accepted')
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
      expect(await worker.queue.getJob(user.mailId)).toMatchObject({ data: { mailId: user.mailId } })
      expect(await worker.queue.getJobState(user.mailId)).toBe('failed')
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
      expect(await worker.queue.isPaused()).toBe(false)
    },
  )

  test("a browser's preflight from another host gets no permission", async () => {
    const asks = { origin: 'http://evil.example', 'access-control-request-method': 'PUT' }
    for (const headers of [asks, { ...asks, ...AUTHORIZED }]) {
      const answer = await app.request('/dashboard/api/queues/mail/pause', { method: 'OPTIONS', headers })
      expect(answer.ok).toBe(false)
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    }
  })
})
