import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { codeOf, otherThan, type Registered } from './api/api-client.ts'
import { readValue } from './ops/metric-text.ts'
import { scrape } from './ops/recording.ts'
import { readUser } from './support/answers.ts'
import { basic, PASSWORD, post } from './support/api.ts'
import { backends, startStore } from './support/backends.ts'
import { createTestDatabase, type TestDatabase } from './support/database.ts'
import { type MailProvider, startMailProvider } from './support/mail-provider.ts'
import { startProcess, type TestProcess } from './support/processes.ts'
import { startProxy } from './support/proxy.ts'
import type { TestRedis } from './support/redis.ts'
import { PATIENT } from './worker/stage.ts'

let database: TestDatabase
let provider: MailProvider

beforeAll(async () => {
  ;[database, provider] = await Promise.all([createTestDatabase(), startMailProvider()])
})
afterAll(async () => {
  await provider.close()
  await database.drop()
})

const sql = (statement: string) => database.pool.query(statement)

type Labels = Record<string, string>

/** How much a series has grown since `before`; null when it is not there. */
const growthOf = (before: string, after: string) => (name: string, labels?: Labels) => {
  const value = readValue(after, name, labels)
  return value === undefined ? null : value - (readValue(before, name, labels) ?? 0)
}

const pageOf = async ({ opsUrl }: TestProcess): Promise<string> => (await scrape(opsUrl)) ?? 'no answer'

describe("the api's metrics", () => {
  let api: TestProcess

  beforeAll(async () => {
    api = await startProcess('api', {
      DATABASE_URL: database.url,
      LIMIT_FAILED_LOGINS_PER_USER: '1/1h',
      RESEND_COOLDOWN_SECONDS: '1000',
    })
  })
  afterAll(() => api.kill())

  /** What grew while `work` ran. */
  const watch = async (work: () => Promise<unknown>) => {
    const before = await pageOf(api)
    await work()
    return growthOf(before, await pageOf(api))
  }

  const register = async (email: string, headers: Labels = {}) =>
    readUser(await fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD }, headers)))

  const call = (id: string, email: string, what: 'codes' | 'activation', body: unknown = {}, password = PASSWORD) =>
    fetch(`${api.url}/v1/users/${id}/${what}`, post(body, { authorization: basic(email, password) }))

  /** A registration whose code the provider took so many seconds ago; wrong digits are of the same length. */
  const registerAndSend = async (email: string, secondsAgo = 0) => {
    const user = await register(email)
    await database.pool.query(
      `update codes
       set opened_at = now(), expires_at = now() + interval '1 minute', sent_at = now() - make_interval(secs => $2)
       where user_id = $1`,
      [user.id, secondsAgo],
    )
    return user
  }

  test('count registrations that were stored, and no repetition', async () => {
    const grown = await watch(async () => {
      await register('counted@example.com', { 'idempotency-key': 'once' })
      await register('counted@example.com', { 'idempotency-key': 'once' })
      await fetch(`${api.url}/v1/users`, post({ email: 'no address', password: PASSWORD }))
    })
    expect(grown('latchkey_registrations_total')).toBe(1)
  })

  test('tell requests apart by the pattern of their route, and never by a path or a method of the caller', async () => {
    const grown = await watch(async () => {
      await fetch(`${api.url}/v1/users/secret-path`)
      await fetch(`${api.url}/somewhere/else`, { method: 'PROPFIND' })
    })
    const labels = { route: '/v1/users/:id', method: 'GET', status: '401' }
    expect(grown('latchkey_http_request_duration_seconds_count', labels)).toBe(1)
    expect(grown('latchkey_http_request_duration_seconds_count', { method: 'other', status: '404' })).toBe(1)
    expect(await pageOf(api)).not.toMatch(/secret-path|somewhere|PROPFIND/)
  })

  test('count what came of a code, and whether it was compared', async () => {
    const person = await registerAndSend('typing@example.com', 20)
    const early = await register('early@example.com')
    const grown = await watch(async () => {
      await call(early.id, early.email, 'activation', { code: '0000' })
      for (const code of await guessesAt(person)) await call(person.id, person.email, 'activation', { code })
    })
    const outcome = (word: string) => grown('latchkey_activations_total', { outcome: word })
    expect(['code-not-sent', 'code-incorrect', 'activated', 'already-active', 'code-expired'].map(outcome)).toEqual([
      1, 1, 1, 1, 0,
    ])
    expect(grown('latchkey_code_evaluations_total', { result: 'wrong' })).toBe(1)
    expect(grown('latchkey_code_evaluations_total', { result: 'right' })).toBe(1)
    expect(grown('latchkey_acceptance_to_activation_seconds_count')).toBe(1)
    expect(grown('latchkey_acceptance_to_activation_seconds_bucket', { le: '15' })).toBe(0)
    expect(grown('latchkey_acceptance_to_activation_seconds_bucket', { le: '60' })).toBe(1)
  })

  /** A wrong code, the right one, and that one again. */
  const guessesAt = async (user: Registered) => {
    const right = await codeOf(database, user)
    return [otherThan(right), right, right]
  }

  test('count what was hashed, and what each limit refused', async () => {
    const user = await register('limited@example.com')
    const grown = await watch(async () => {
      expect((await call(user.id, user.email, 'codes')).status).toBe(429)
      for (const status of [401, 429]) {
        expect((await call(user.id, user.email, 'codes', {}, 'a wrong password')).status).toBe(status)
      }
    })
    expect(grown('latchkey_limit_refusals_total', { policy: 'resend' })).toBe(1)
    expect(grown('latchkey_limit_refusals_total', { policy: 'failed-logins-per-user' })).toBe(1)
    expect(grown('latchkey_limit_refusals_total', { policy: 'mails-per-mailbox' })).toBe(0)
    // Past its budget nothing is hashed.
    expect(grown('latchkey_hashing_duration_seconds_count', { work: 'verify' })).toBe(2)
    expect(grown('latchkey_hashing_duration_seconds_count', { work: 'hash' })).toBe(0)
    expect(grown('latchkey_hashing_refusals_total')).toBe(0)
  })

  test('show how many passwords wait, and how many were not taken', async () => {
    const slow = await startProcess('api', { DATABASE_URL: database.url, BCRYPT_COST: '12' })
    onTestFinished(() => slow.kill())
    const crowd = Array.from({ length: 32 * availableParallelism() }, (_, index) =>
      fetch(`${slow.url}/v1/users`, post({ email: `crowd${index}@example.com`, password: PASSWORD })),
    )
    await expect.poll(async () => readValue(await pageOf(slow), 'latchkey_hashing_waiting'), PATIENT).toBeGreaterThan(0)
    const refused = (await Promise.all(crowd)).filter(({ status }) => status === 503).length
    expect(refused).toBeGreaterThan(0)
    const page = await pageOf(slow)
    expect(readValue(page, 'latchkey_hashing_refusals_total')).toBe(refused)
    expect(readValue(page, 'latchkey_hashing_waiting')).toBe(0)
  })

  test('show the mails that wait, without a worker', async () => {
    await sql('delete from users')
    expect(readValue(await pageOf(api), 'latchkey_mails_unsettled')).toBe(0)
    expect(readValue(await pageOf(api), 'latchkey_mail_oldest_unsettled_age_seconds')).toBe(0)
    const { id } = await register('waiting@example.com')
    await register('younger@example.com')
    await database.pool.query("update mails set created_at = now() - interval '90 seconds' where user_id = $1", [id])
    const page = await pageOf(api)
    expect(readValue(page, 'latchkey_mails_unsettled')).toBe(2)
    const seconds = readValue(page, 'latchkey_mail_oldest_unsettled_age_seconds')
    expect(seconds).toBeGreaterThanOrEqual(90)
    expect(seconds).toBeLessThan(120)
    expect(readValue(page, 'latchkey_relay_lag_seconds')).toBeGreaterThanOrEqual(90)
    await sql('update mails set next_offer_at = now()')
    expect(readValue(await pageOf(api), 'latchkey_relay_lag_seconds')).toBe(0)
    await sql('delete from users')
  })

  test('show the release, health and connections', async () => {
    const page = await pageOf(api)
    expect(readValue(page, 'latchkey_build_info', { version: '0.1.0', node: process.versions.node })).toBe(1)
    expect(readValue(page, 'latchkey_check_ok', { check: 'database' })).toBe(1)
    expect(readValue(page, 'latchkey_postgres_connections_limit', { pool: 'latchkey-api' })).toBe(20)
    expect(readValue(page, 'latchkey_postgres_connections_idle', { pool: 'latchkey-api' })).toBeGreaterThan(0)
    expect(readValue(page, 'latchkey_postgres_waiting', { pool: 'latchkey-api' })).toBe(0)
  })
})

describe.each(backends)("the worker's metrics, jobs on %s", (backend) => {
  let redis: TestRedis | null
  let api: TestProcess
  let worker: TestProcess

  beforeAll(async () => {
    await sql('delete from users')
    redis = await startStore(backend)
    ;[api, worker] = await Promise.all([
      startProcess('api', { DATABASE_URL: database.url }),
      startProcess('worker', {
        DATABASE_URL: database.url,
        REDIS_URL: redis?.url,
        MAIL_URL: provider.url,
        MAIL_TIMEOUT_MS: '1000',
        OPS_USER: 'operator',
        OPS_PASSWORD: 'secret',
      }),
    ])
  })
  afterAll(async () => {
    await Promise.all([api.kill(), worker.kill()])
    await redis?.stop()
  })

  const register = async (email: string) =>
    readUser(await fetch(`${api.url}/v1/users`, post({ email: `${backend}-${email}`, password: PASSWORD })))

  const value = async (name: string, labels?: Labels) => readValue(await pageOf(worker), name, labels)

  const settled = () =>
    vi.waitFor(
      async () => expect((await sql('select 1 from mails where settled_at is null')).rowCount).toBe(0),
      PATIENT,
    )

  test.each([
    { answer: 200, result: 'accepted', outcome: 'accepted' },
    { answer: 422, result: 'refused', outcome: 'refused' },
    { answer: 401, result: 'about-us', outcome: 'accepted' },
    { answer: 403, result: 'about-us', outcome: 'accepted' },
    { answer: 429, result: 'throttled', outcome: 'accepted' },
    { answer: 503, result: 'unavailable', outcome: 'accepted' },
    { answer: 'ignore', result: 'silent', outcome: 'accepted' },
    { answer: 'reset', result: 'silent', outcome: 'accepted' },
  ] as const)('a call that is answered with $answer counts as $result', async ({ answer, result, outcome }) => {
    const before = await pageOf(worker)
    provider.answerWith([answer])
    await register(`${answer}@example.com`)
    await settled()
    const isRetried = outcome === 'accepted' && answer !== 200
    await expect
      .poll(async () => growthOf(before, await pageOf(worker))('latchkey_mails_settled_total', { outcome }), PATIENT)
      .toBe(1)
    const grown = growthOf(before, await pageOf(worker))
    expect(grown('latchkey_provider_request_duration_seconds_count', { result })).toBe(1)
    expect(grown('latchkey_mail_retries_total')).toBe(isRetried ? 1 : 0)
    expect(grown('latchkey_registration_to_acceptance_seconds_count')).toBe(outcome === 'accepted' ? 1 : 0)
  })

  test('mails that nobody needs any more count as dropped, and those that were tried for too long as given-up', async () => {
    const before = await pageOf(worker)
    provider.answerWith([], 503)
    const [late, given] = [await register('late@example.com'), await register('given@example.com')]
    await expect.poll(() => provider.requests.some(({ to }) => to === given.email), PATIENT).toBe(true)
    await database.pool.query('update users set activated_at = now() where id = $1', [late.id])
    await database.pool.query("update mails set failing_since = now() - interval '2 hours' where user_id = $1", [
      given.id,
    ])
    await database.pool.query("update outboxes set possible_since = now() - interval '2 hours'")
    await settled()
    const grown = async (outcome: string) =>
      growthOf(before, await pageOf(worker))('latchkey_mails_settled_total', { outcome })
    await expect.poll(() => grown('dropped'), PATIENT).toBe(1)
    await expect.poll(() => grown('given-up'), PATIENT).toBe(1)
    expect(await grown('accepted')).toBe(0)
    provider.answerWith([])
  })

  test('the queue shows its jobs by state, even while an operator has paused it', async () => {
    await expect.poll(() => value('latchkey_queue_pause_seconds'), PATIENT).toBe(0)
    const operate = (action: string) =>
      fetch(`${worker.opsUrl}/dashboard/api/queues/mail/${action}`, {
        method: 'PUT',
        headers: { authorization: basic('operator', 'secret') },
      })
    expect((await operate('pause')).status).toBe(200)
    for (const name of ['one', 'two', 'three']) await register(`${name}@example.com`)
    await expect.poll(() => value('latchkey_queue_jobs', { state: 'waiting' }), PATIENT).toBe(3)
    expect(await value('latchkey_queue_paused')).toBe(1)
    expect(await value('latchkey_mails_unsettled')).toBe(3)
    expect((await operate('resume')).status).toBe(200)
    await settled()
    await expect.poll(() => value('latchkey_queue_jobs', { state: 'waiting' }), PATIENT).toBe(0)
    expect(await value('latchkey_queue_paused')).toBe(0)
    expect(await value('latchkey_queue_jobs', { state: 'failed' })).toBeGreaterThan(0)
    expect(await value('latchkey_queue_jobs', { state: 'completed' })).toBeGreaterThan(0)
  })

  test('a provider that asks for a pause shows for how long, and that it is not well', async () => {
    provider.answerWith([{ status: 429, retryAfter: '3' }])
    await register('asked@example.com')
    await expect.poll(() => value('latchkey_queue_pause_seconds'), PATIENT).toBeGreaterThan(1)
    expect(await value('latchkey_queue_pause_seconds')).toBeLessThanOrEqual(3)
    expect(await value('latchkey_check_ok', { check: 'provider' })).toBe(0)
    await settled()
    await expect.poll(() => value('latchkey_check_ok', { check: 'provider' }), PATIENT).toBe(1)
  })

  test('each pool of connections is shown under its name', async () => {
    expect(await value('latchkey_postgres_connections_limit', { pool: 'latchkey-worker' })).toBe(8)
    const ofQueue = await value('latchkey_postgres_connections_limit', { pool: 'latchkey-bullmq' })
    expect(ofQueue).toBe(backend === 'postgresql' ? 6 : undefined)
  })

  test.runIf(backend === 'redis')('without Redis the queue is not shown, and everything else is, at once', async () => {
    await redis?.stop()
    onTestFinished(() => redis?.start())
    const begun = performance.now()
    await expect.poll(() => value('latchkey_queue_jobs', { state: 'active' }), PATIENT).toBeUndefined()
    expect(await value('latchkey_queue_paused')).toBeUndefined()
    expect(await value('latchkey_check_ok', { check: 'queue' })).toBe(0)
    expect(await value('latchkey_mails_unsettled')).toBe(0)
    expect(await value('latchkey_scrape_failures_total', { source: 'queue' })).toBeGreaterThan(0)
    expect(performance.now() - begun).toBeLessThan(20_000)
  })
})

describe.each(['api', 'worker'] as const)('/metrics of the %s without PostgreSQL', (name) => {
  test.each(['frozen', 'gone'] as const)('when it is %s: answers soon, and shows no old figures', async (how) => {
    const proxy = await startProxy(database.url)
    onTestFinished(proxy.close)
    const program = await startProcess(name, { DATABASE_URL: proxy.url, MAIL_URL: provider.url })
    onTestFinished(() => program.kill())
    expect(readValue(await pageOf(program), 'latchkey_mails_unsettled')).toBe(0)
    if (how === 'frozen') proxy.freeze()
    else proxy.close()
    for (let look = 0; look < 3; look++) {
      const begun = performance.now()
      const page = await pageOf(program)
      // Prometheus waits for ten seconds.
      expect(performance.now() - begun).toBeLessThan(10_000)
      expect(readValue(page, 'latchkey_mails_unsettled')).toBeUndefined()
      expect(readValue(page, 'latchkey_relay_lag_seconds')).toBeUndefined()
      expect(readValue(page, 'latchkey_check_ok', { check: 'database' })).toBe(0)
      expect(readValue(page, 'nodejs_eventloop_lag_p99_seconds')).toBeDefined()
      expect(readValue(page, 'latchkey_scrape_failures_total', { source: 'mails' })).toBe(look)
    }
  })
})
