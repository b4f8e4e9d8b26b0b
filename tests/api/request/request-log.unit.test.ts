import { ROOT_CONTEXT, SpanStatusCode } from '@opentelemetry/api'
import { Hono } from 'hono'
import { expect, onTestFinished, test, vi } from 'vitest'
import { handleError } from '../../../src/api/answers/handle-error.ts'
import { RequestRefused } from '../../../src/api/answers/problems.ts'
import type { ApiEnv } from '../../../src/api/context.ts'
import { createApiMetrics } from '../../../src/api/metrics.ts'
import { observeRequests, requestIds, traceRequests } from '../../../src/api/request/request-log.ts'
import { createLogger } from '../../../src/core/process/logger.ts'
import { createRegistry } from '../../../src/core/process/telemetry/registry.ts'
import { spyOnSpan } from '../../support/spied-span.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** Routes that answer as their path says, and refuse by a limit or for another reason. */
const withRoutes = (app: Hono<ApiEnv>) =>
  app
    .all('/status/:status', (c) => new Response(null, { status: Number(c.req.param('status')) }))
    .all('/limited', () => {
      throw new RequestRefused('too-many-requests', { limit: 'resend' })
    })
    .all('/refused', () => {
      throw new RequestRefused('not-found')
    })
    .onError(handleError(createLogger('silent', 'test')))

const HUNG_UP = { signal: AbortSignal.abort() }

test("a request's id is there for all that follows, and on the answer", async () => {
  const app = new Hono<ApiEnv>().use(requestIds).get('/', (c) => c.text(c.get('requestId')))
  const answer = await app.request('/', { headers: { 'x-request-id': 'theirs' } })
  expect([await answer.text(), answer.headers.get('x-request-id')]).toEqual(['theirs', 'theirs'])
})

const observe = async (path: string, init: RequestInit = {}, tookMs = 0) => {
  const metrics = createApiMetrics(createRegistry())
  const logger = createLogger('silent', 'test')
  const observed = vi.spyOn(metrics.requestSeconds, 'observe')
  const limited = vi.spyOn(metrics.limitRefusals, 'inc')
  const logged = vi.spyOn(logger, 'info')
  const clock = vi
    .spyOn(performance, 'now')
    .mockReturnValueOnce(5000)
    .mockReturnValueOnce(5000 + tookMs)
  onTestFinished(() => clock.mockRestore())
  const app = new Hono<ApiEnv>().use(requestIds, observeRequests({ logger, metrics }))
  const headers = { 'x-request-id': 'theirs' }
  await withRoutes(app).request(path, { ...init, headers })
  expect([observed.mock.calls.length, logged.mock.calls.length]).toEqual([1, 1])
  return { observed: observed.mock.calls[0], logged: logged.mock.calls[0], limited: limited.mock.calls }
}

test('a request is one observation in seconds and one line in whole milliseconds, by its route', async () => {
  const { observed, logged, limited } = await observe('/status/204', {}, 2500.5)
  const labels = { route: '/status/:status', method: 'GET', status: 204 }
  expect(observed).toEqual([labels, 2.5005])
  expect(logged).toEqual([{ requestId: 'theirs', ...labels, durationMs: 2501 }, 'request answered'])
  expect(limited).toEqual([])
})

test('a method that is not known has no series of its own', async () => {
  for (const method of METHODS)
    expect((await observe('/status/200', { method })).observed?.[0]).toMatchObject({ method })
  expect((await observe('/status/200', { method: 'PROPFIND' })).observed?.[0]).toMatchObject({ method: 'other' })
})

test('a refusal by a limit is counted by its name, and no other one', async () => {
  expect((await observe('/limited')).limited).toEqual([[{ policy: 'resend' }]])
  expect((await observe('/refused')).limited).toEqual([])
})

test.each([
  { status: 503, init: HUNG_UP, seen: 499 },
  { status: 503, init: {}, seen: 503 },
  { status: 200, init: HUNG_UP, seen: 200 },
])('a $status is seen as $seen', async ({ status, init, seen }) => {
  expect((await observe(`/status/${status}`, init)).observed?.[0]).toMatchObject({ status: seen })
})

/** What the span of a request is begun with and told. */
const traceOf = async (path: string, init: RequestInit = {}) => {
  const { within, read } = spyOnSpan()
  const app = new Hono<ApiEnv>().use(requestIds, traceRequests(within))
  await withRoutes(app).request(path, { ...init, headers: { 'x-request-id': 'theirs' } })
  return read()
}

test.each([
  { method: 'PUT', seen: 'PUT' },
  { method: 'PROPFIND', seen: '_OTHER' },
])('a request is a span of a server, by its route and $method as $seen', async ({ method, seen }) => {
  const attributes = {
    'http.request.method': seen,
    'http.route': '/status/:status',
    'latchkey.request_id': 'theirs',
  }
  const { begun } = await traceOf('/status/200', { method })
  expect(begun).toEqual([
    { name: `${seen} /status/:status`, details: { kind: 'server', attributes, parent: ROOT_CONTEXT } },
  ])
})

test.each([
  { status: 204, init: {}, told: { 'http.response.status_code': 204 }, failed: [] },
  { status: 499, init: {}, told: { 'http.response.status_code': 499 }, failed: [] },
  { status: 503, init: HUNG_UP, told: { 'http.response.status_code': 499 }, failed: [] },
  {
    status: 500,
    init: {},
    told: { 'http.response.status_code': 500, 'error.type': '500' },
    failed: [{ code: SpanStatusCode.ERROR }],
  },
])('a $status tells its span $told', async ({ status, init, told, failed }) => {
  expect(await traceOf(`/status/${status}`, init)).toMatchObject({ told, failed })
})
