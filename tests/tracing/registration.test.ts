import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, post } from '../support/api.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { PATIENT } from '../support/patient.ts'
import { startProcess, type TestProcess } from '../support/processes.ts'
import type { TestRedis } from '../support/redis.ts'
import { type Exported, startTraceCollector, type TraceCollector } from '../support/trace-collector.ts'
import { findIn, showsShortCode } from '../worker/leak-search.ts'
import { ADDRESS, CALLER, linesOf, PASSWORD, TRACE_ID } from './request.ts'

const CANARIES = [ADDRESS, PASSWORD, 'canary-agent', 'canary-state', 'canary-baggage', 'canary-query', '203.0.113.77']

describe.each(backends)('a registration with a trace, jobs on %s', (backend) => {
  let database: TestDatabase
  let redis: TestRedis | null
  let provider: MailProvider
  let collector: TraceCollector
  let api: TestProcess
  let worker: TestProcess
  let user: { id: string; requestId: string; mailId: string }

  const spansOf = (service: string, name?: string): Exported[] =>
    collector.spans().filter((span) => span.service === service && (name === undefined || span.name === name))

  /** A span and all that is above it, up to the caller's. */
  const pathOf = (span: Exported): string[] => {
    const parent = collector.spans().find(({ id }) => id === span.parentId)
    return [span.name, ...(parent ? pathOf(parent) : [span.parentId === CALLER ? 'caller' : 'lost'])]
  }

  const register = async () => {
    const answer = await fetch(`${api.url}/v1/users?q=canary-query`, {
      ...post({ email: ADDRESS, password: PASSWORD }),
      headers: {
        'content-type': 'application/json',
        traceparent: `00-${TRACE_ID}-${CALLER}-01`,
        tracestate: 'vendor=canary-state',
        baggage: 'person=canary-baggage',
        'user-agent': 'canary-agent',
        'x-forwarded-for': '203.0.113.77',
      },
    })
    const { id } = await readUser(answer)
    const mails = await database.pool.query<{ id: string }>('select id from mails where user_id = $1', [id])
    return { id, requestId: answer.headers.get('x-request-id') ?? '', mailId: mails.rows[0]?.id ?? '' }
  }

  const activate = async () => {
    const code = codeIn(provider.inbox(ADDRESS)[0])
    const headers = { authorization: basic(ADDRESS, PASSWORD) }
    const wrong = code === '0000' ? '1111' : '0000'
    await fetch(`${api.url}/v1/users/${user.id}/activation`, post({ code: wrong }, headers))
    const answer = await fetch(`${api.url}/v1/users/${user.id}/activation`, post({ code }, headers))
    expect(answer.status).toBe(200)
  }

  beforeAll(async () => {
    ;[database, redis, provider, collector] = await Promise.all([
      createTestDatabase(),
      startStore(backend),
      startMailProvider(),
      startTraceCollector(),
    ])
    const common = { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base/` }
    ;[api, worker] = await Promise.all([
      startProcess('api', { ...common, TRUSTED_PROXIES: '127.0.0.1' }),
      startProcess('worker', { ...common, REDIS_URL: redis?.url, MAIL_URL: `${provider.url}?secret=canary-query` }),
    ])
    provider.answerWith([503])
    user = await register()
    await vi.waitFor(() => expect(worker.log()).toContain('"accepted"'), PATIENT)
    await activate()
    // What is not sent yet leaves before the end.
    await Promise.all([api.stop(), worker.stop()])
  })
  afterAll(async () => {
    await Promise.all([provider.close(), collector.close(), redis?.stop()])
    await database.drop()
  })

  test('goes from the caller through api, relay, jobs and provider calls in one trace', () => {
    expect(collector.paths).toEqual(new Set(['/base/v1/traces']))
    const calls = spansOf('latchkey-worker', 'POST')
    expect(calls).toHaveLength(2)
    for (const call of calls) {
      expect(call.traceId).toBe(TRACE_ID)
      const [first, second, ...rest] = pathOf(call)
      expect([first, second]).toEqual(['POST', 'process mail'])
      expect(rest.slice(-4)).toEqual(['send mail', 'transaction', 'POST /v1/users', 'caller'])
    }
  })

  const inTrace = (service: string, name: string) =>
    spansOf(service, name).filter(({ traceId }) => traceId === TRACE_ID)

  test('has spans with the names of the semantic conventions', () => {
    expect(inTrace('latchkey-api', 'POST /v1/users')).toMatchObject([
      {
        kind: 'server',
        parentId: CALLER,
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/v1/users',
          'http.response.status_code': 202,
          'latchkey.request_id': user.requestId,
        },
      },
    ])
    expect(inTrace('latchkey-api', 'hash')).toHaveLength(1)
    expect(inTrace('latchkey-api', 'transaction')).toHaveLength(1)
    const message = {
      'messaging.system': 'bullmq',
      'messaging.destination.name': 'mail',
      'messaging.message.id': user.mailId,
    }
    // A slow worker's sweep may offer the mail once more: the queue keeps one job for it.
    const offers = inTrace('latchkey-worker', 'send mail')
    expect(offers).not.toEqual([])
    for (const offer of offers) expect(offer).toMatchObject({ kind: 'producer', attributes: message })
    const tries = [
      { 'latchkey.attempt': 1, 'latchkey.outcome': 'resend-503', 'error.type': 'resend-503' },
      { 'latchkey.attempt': 2, 'latchkey.outcome': 'accepted' },
    ]
    expect(inTrace('latchkey-worker', 'process mail')).toMatchObject(
      tries.map((attempt) => ({
        kind: 'consumer',
        isFailed: 'error.type' in attempt,
        attributes: { ...message, 'latchkey.request_id': user.requestId, ...attempt },
      })),
    )
  })

  test('has the names of the semantic conventions in the spans of calls to the provider', () => {
    const statuses = [503, 200]
    expect(inTrace('latchkey-worker', 'POST')).toMatchObject(
      statuses.map((status) => ({
        kind: 'client',
        isFailed: status === 503,
        attributes: {
          'http.request.method': 'POST',
          'server.address': '127.0.0.1',
          'server.port': Number(new URL(provider.url).port),
          'http.response.status_code': status,
        },
      })),
    )
  })

  test('is the only thing that is sent: requests and mails, no chores, no events, no messages', () => {
    const begin = collector.spans().filter(({ parentId }) => parentId === '' || parentId === CALLER)
    expect(new Set(begin.map(({ name }) => name))).toEqual(new Set(['POST /v1/users', 'POST /v1/users/:id/activation']))
    expect(collector.bytes()).not.toMatch(/"events":\[[^\]]|"status":\{[^}]*message/)
  })

  test('writes its id into the log lines of the request and of the tries', () => {
    const requests = linesOf(api).filter(
      ({ requestId, msg }) => requestId === user.requestId && msg === 'request answered',
    )
    expect(requests).toMatchObject([{ traceId: TRACE_ID, status: 202 }])
    const tries = linesOf(worker).filter(({ msg }) => msg === 'mail delivery attempt')
    expect(tries).toMatchObject([
      { traceId: TRACE_ID, reason: 'resend-503' },
      { traceId: TRACE_ID, outcome: 'accepted' },
    ])
  })

  test('leaves no person, password, code or text of the caller in any byte that is sent', () => {
    const bytes = collector.bytes()
    expect(bytes).toContain(user.mailId)
    for (const canary of CANARIES) expect([canary, findIn(bytes, canary)]).toEqual([canary, null])
    for (const mail of provider.requests) expect(showsShortCode(bytes, codeIn(mail))).toBe(false)
  })

  test('is kept in the row without what the caller added', async () => {
    const rows = await database.pool.query<{ kept: string }>('select trace_context as kept from mails')
    const [row] = rows.rows
    expect(JSON.parse(row?.kept ?? '')).toEqual({
      traceparent: expect.stringMatching(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`),
    })
  })
})
