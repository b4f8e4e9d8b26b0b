import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { expect, test, vi } from 'vitest'
import { handleError } from '../../../src/api/answers/handle-error.ts'
import { problems, RequestRefused } from '../../../src/api/answers/problems.ts'
import { protectResponses } from '../../../src/api/answers/security-headers.ts'
import type { ApiEnv } from '../../../src/api/context.ts'
import { requestIds } from '../../../src/api/request/request-log.ts'
import { HashingOverloaded } from '../../../src/core/credentials/hashing-queue.ts'
import { createLogger } from '../../../src/core/process/logger.ts'
import { readProblem } from '../../support/answers.ts'

test('each problem says what it means and what is to be done, in sentences', () => {
  for (const [slug, { title, meaning, advice }] of Object.entries(problems))
    expect([slug, title, meaning, advice]).toEqual([
      expect.stringMatching(/^[a-z-]+$/),
      expect.stringMatching(/^[A-Z].*[^.]$/),
      expect.stringMatching(/^[A-Z].*\.$/),
      expect.stringMatching(/^[A-Z/].*\.$/),
    ])
})

/** What a client is told of an error, and what the log is. */
const tellOf = async (error: Error, init: RequestInit = {}) => {
  const logger = createLogger('silent', 'test')
  const [debug, failed] = [vi.spyOn(logger, 'debug'), vi.spyOn(logger, 'error')]
  const app = new Hono<ApiEnv>().use(requestIds).onError(handleError(logger))
  app.get('/', () => {
    throw error
  })
  const answer = await app.request('/', { ...init, headers: { 'x-request-id': 'theirs' } })
  const problem = await readProblem(answer)
  expect([problem.requestId, problem.status]).toEqual(['theirs', answer.status])
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  return {
    ...{ type: problem.type, retryAfter: answer.headers.get('retry-after'), problem },
    ...{ headers: answer.headers, debug: debug.mock.calls, failed: failed.mock.calls },
  }
}

const QUIET = { debug: [], failed: [] }
const UNAVAILABLE = { type: '/problems/unavailable', retryAfter: '2', failed: [] }

test('a refusal is told by its word, with its meaning unless it has a detail of its own', async () => {
  const { title, meaning } = problems['code-expired']
  const refused = new RequestRefused('code-expired')
  expect([refused.name, refused.message]).toEqual(['RequestRefused', 'code-expired'])
  expect(await tellOf(refused)).toMatchObject({
    problem: { type: '/problems/code-expired', title, status: 410, detail: meaning },
    ...QUIET,
  })
})

test('a refusal may have a more exact status, a detail, members and headers', async () => {
  const details = {
    status: 501,
    detail: 'Not so.',
    members: { attemptsLeft: 2 },
    headers: { Connection: 'close' },
  } as const
  const { problem, headers } = await tellOf(new RequestRefused('malformed-request', details))
  expect(problem).toMatchObject({
    type: '/problems/malformed-request',
    status: 501,
    detail: 'Not so.',
    attemptsLeft: 2,
  })
  expect(headers.get('connection')).toBe('close')
})

test('no room for another hash is told to come again in two seconds', async () => {
  const told = { type: '/problems/overloaded', retryAfter: '2', ...QUIET }
  expect(await tellOf(new HashingOverloaded('full'))).toMatchObject(told)
})

test('what the framework cannot read is malformed, and its own faults are ours', async () => {
  expect(await tellOf(new HTTPException(431))).toMatchObject({ type: '/problems/malformed-request', ...QUIET })
  expect(await tellOf(new HTTPException(500))).toMatchObject({ type: '/problems/internal' })
})

test('a client that hung up is no fault of anybody', async () => {
  expect(await tellOf(new Error('aborted'), { signal: AbortSignal.abort() })).toMatchObject({
    ...UNAVAILABLE,
    debug: [[{ requestId: 'theirs' }, 'client disconnected: its request was dropped']],
  })
})

test('a database that is away is unavailable, and told by readiness and not by each request', async () => {
  const err = Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
  expect(await tellOf(err)).toMatchObject({
    ...UNAVAILABLE,
    debug: [[{ err, requestId: 'theirs' }, 'request refused: PostgreSQL is unavailable']],
  })
})

test('anything else is an internal fault, which shows nothing of itself and is logged', async () => {
  const err = new Error('a secret')
  const told = await tellOf(err)
  expect(told).toMatchObject({ type: '/problems/internal', debug: [] })
  expect(told.failed).toEqual([[{ err, requestId: 'theirs' }, 'request failed: internal error']])
  expect(JSON.stringify(told.problem)).not.toContain('a secret')
})

test('an answer is protected by each of these headers, unless it has its own', async () => {
  const app = new Hono<ApiEnv>().use(protectResponses)
  app.get('/', (c) => c.body(null))
  app.get('/page', (c) => c.body(null, 200, { 'Content-Security-Policy': "script-src 'self'" }))
  const headersOf = async (path: string) => Object.fromEntries((await app.request(path)).headers)
  const all = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    'x-download-options': 'noopen',
    'x-frame-options': 'DENY',
    'x-permitted-cross-domain-policies': 'none',
    'x-xss-protection': '0',
  }
  expect(await headersOf('/')).toEqual(all)
  expect(await headersOf('/page')).toEqual({ ...all, 'content-security-policy': "script-src 'self'" })
})
