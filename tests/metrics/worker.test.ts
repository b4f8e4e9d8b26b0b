import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readValue } from '../ops/metric-text.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { describeBackends, startStore } from '../support/backends.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { PATIENT } from '../support/patient.ts'
import { startProgram, type TestProgram } from '../support/processes.ts'
import type { TestRedis } from '../support/redis.ts'
import { growthOf, type Labels, pageOf } from './page.ts'

describeBackends("the worker's metrics, jobs on %s", (backend) => {
  const database = shareTestDatabase()
  let provider: MailProvider
  let redis: TestRedis | null
  let api: TestProgram
  let worker: TestProgram

  beforeAll(async () => {
    ;[redis, provider] = await Promise.all([startStore(backend), startMailProvider()])
    ;[api, worker] = await Promise.all([
      startProgram('api', { DATABASE_URL: database.url }),
      startProgram('worker', {
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
    await Promise.all([api.stop(), worker.stop()])
    await Promise.all([redis?.stop(), provider.close()])
  })

  const register = async (email: string) =>
    readUser(await fetch(`${api.url}/v1/users`, post({ email: `${backend}-${email}`, password: PASSWORD })))

  const value = async (name: string, labels?: Labels) => readValue(await pageOf(worker), name, labels)

  const settled = () =>
    vi.waitFor(
      async () => expect((await database.pool.query('select 1 from mails where settled_at is null')).rowCount).toBe(0),
      PATIENT,
    )

  test.for([
    { answer: 200, result: 'accepted', outcome: 'accepted' },
    { answer: 422, result: 'refused', outcome: 'refused' },
    { answer: 401, result: 'about-us', outcome: 'accepted' },
    { answer: 403, result: 'about-us', outcome: 'accepted' },
    { answer: 429, result: 'throttled', outcome: 'accepted' },
    { answer: 503, result: 'unavailable', outcome: 'accepted' },
    { answer: 'ignore', result: 'silent', outcome: 'accepted' },
    { answer: 'reset', result: 'silent', outcome: 'accepted' },
  ] as const)(
    'a call that is answered with $answer counts as $result',
    async ({ answer, result, outcome }, { expect }) => {
      const before = await pageOf(worker)
      provider.answerWith([answer])
      await register(`${answer}@example.com`)
      await settled()
      const isRetried = outcome === 'accepted' && answer !== 200
      await expect
        .poll(async () => growthOf(before, await pageOf(worker))('latchkey_mails_settled_total', { outcome }))
        .toBe(1)
      const grown = growthOf(before, await pageOf(worker))
      expect(grown('latchkey_provider_request_duration_seconds_count', { result })).toBe(1)
      expect(grown('latchkey_mail_retries_total')).toBe(isRetried ? 1 : 0)
      expect(grown('latchkey_registration_to_acceptance_seconds_count')).toBe(outcome === 'accepted' ? 1 : 0)
    },
  )

  test('mails that nobody needs any more count as dropped, and those that were tried for too long as given-up', async ({
    expect,
  }) => {
    const before = await pageOf(worker)
    provider.answerWith([], 503)
    const [late, given] = [await register('late@example.com'), await register('given@example.com')]
    await expect.poll(() => provider.requests.some(({ to }) => to === given.email)).toBe(true)
    await database.pool.query('update users set activated_at = now() where id = $1', [late.id])
    await database.pool.query("update mails set failing_since = now() - interval '2 hours' where user_id = $1", [
      given.id,
    ])
    await database.pool.query("update outboxes set possible_since = now() - interval '2 hours'")
    await settled()
    const grown = async (outcome: string) =>
      growthOf(before, await pageOf(worker))('latchkey_mails_settled_total', { outcome })
    await expect.poll(() => grown('dropped')).toBe(1)
    await expect.poll(() => grown('given-up')).toBe(1)
    expect(await grown('accepted')).toBe(0)
    provider.answerWith([])
  })

  test('the queue shows its jobs by state, even while an operator has paused it', async ({ expect }) => {
    await expect.poll(() => value('latchkey_queue_pause_seconds')).toBe(0)
    const operate = (action: string) =>
      fetch(`${worker.opsUrl}/dashboard/api/queues/mail/${action}`, {
        method: 'PUT',
        headers: { authorization: basic('operator', 'secret') },
      })
    expect((await operate('pause')).status).toBe(200)
    for (const name of ['one', 'two', 'three']) await register(`${name}@example.com`)
    await expect.poll(() => value('latchkey_queue_jobs', { state: 'waiting' })).toBe(3)
    expect(await value('latchkey_queue_paused')).toBe(1)
    expect(await value('latchkey_mails_unsettled')).toBe(3)
    expect((await operate('resume')).status).toBe(200)
    await settled()
    await expect.poll(() => value('latchkey_queue_jobs', { state: 'waiting' })).toBe(0)
    expect(await value('latchkey_queue_paused')).toBe(0)
    expect(await value('latchkey_queue_jobs', { state: 'failed' })).toBeGreaterThan(0)
    expect(await value('latchkey_queue_jobs', { state: 'completed' })).toBeGreaterThan(0)
  })

  test('a provider that asks for a pause shows for how long, and that it is not well', async ({ expect }) => {
    provider.answerWith([{ status: 429, retryAfter: '8' }])
    await register('asked@example.com')
    await expect.poll(() => value('latchkey_queue_pause_seconds')).toBeGreaterThan(1)
    expect(await value('latchkey_queue_pause_seconds')).toBeLessThanOrEqual(8)
    expect(await value('latchkey_check_ok', { check: 'provider' })).toBe(0)
    await settled()
    await expect.poll(() => value('latchkey_check_ok', { check: 'provider' })).toBe(1)
  })

  test('each pool of connections is shown under its name', async ({ expect }) => {
    expect(await value('latchkey_postgres_connections_limit', { pool: 'latchkey-worker' })).toBe(8)
    const ofQueue = await value('latchkey_postgres_connections_limit', { pool: 'latchkey-bullmq' })
    expect(ofQueue).toBe(backend === 'postgresql' ? 6 : undefined)
  })

  test.runIf(backend === 'redis')(
    'without Redis the queue is not shown, and everything else is, at once',
    async ({ expect, onTestFinished }) => {
      await redis?.stop()
      onTestFinished(() => redis?.start())
      const begun = performance.now()
      await expect.poll(() => value('latchkey_queue_jobs', { state: 'active' })).toBeUndefined()
      expect(await value('latchkey_queue_paused')).toBeUndefined()
      expect(await value('latchkey_check_ok', { check: 'queue' })).toBe(0)
      expect(await value('latchkey_mails_unsettled')).toBe(0)
      expect(await value('latchkey_scrape_failures_total', { source: 'queue' })).toBeGreaterThan(0)
      expect(performance.now() - begun).toBeLessThan(20_000)
    },
  )
})
