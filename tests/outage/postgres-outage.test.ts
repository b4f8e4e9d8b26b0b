import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type SteadyPostgres, startSteadyPostgres } from '../../bench/soak/steady-postgres.ts'
import { createDatabase } from '../../dev/embedded-postgres.ts'
import { isDatabaseUnavailable } from '../../src/core/postgres/connection/unavailable.ts'
import { migrate } from '../../src/core/postgres/migrate.ts'
import { createPool, type Pool } from '../../src/core/postgres/pool.ts'
import { transaction } from '../../src/core/postgres/transaction.ts'
import { migrateQueue } from '../../src/worker/queue/backends/migrate-queue.ts'
import { readProblem } from '../support/answers.ts'
import { PASSWORD, post } from '../support/api.ts'
import { backends, startStore } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProcess, type TestProcess } from '../support/processes.ts'
import type { TestRedis } from '../support/redis.ts'

const STOP_LIMIT_MS = 10_000

let folder: string
let postgres: SteadyPostgres

// A PostgreSQL of its own, with what it acknowledged on disk: the one of all tests must not die, and forgets when it does.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-outage-'))
  // PostgreSQL does not run as root, and passes through here as somebody else.
  await chmod(folder, 0o711)
  postgres = await startSteadyPostgres(join(folder, 'postgres'))
})
afterAll(async () => {
  await postgres.stop('SIGQUIT')
  await rm(folder, { recursive: true, force: true })
})

/** Ends PostgreSQL; the function that it gives starts it again, as the end of the test does at the latest. */
const stopPostgres = async (signal: 'SIGINT' | 'SIGQUIT') => {
  await postgres.stop(signal)
  let restarted: Promise<void> | null = null
  const restart = () => {
    restarted ??= postgres.start()
    return restarted
  }
  onTestFinished(restart)
  return restart
}

describe.each(backends)('PostgreSQL goes away, with jobs on %s', (backend) => {
  let pool: Pool
  let redis: TestRedis | null
  let provider: MailProvider
  let api: TestProcess
  let worker: TestProcess

  beforeAll(async () => {
    const url = await createDatabase({ ...postgres, stop: () => postgres.stop('SIGINT') }, `outage_${backend}`)
    await migrate(url, silent)
    if (backend === 'postgresql') await migrateQueue(url, silent)
    pool = createPool(url, { max: 2, name: 'test', logger: silent })
    ;[redis, provider] = await Promise.all([startStore(backend), startMailProvider()])
    const environment = { DATABASE_URL: url, REDIS_URL: redis?.url, MAIL_URL: provider.url, MAIL_TIMEOUT_MS: '2000' }
    ;[api, worker] = await Promise.all([startProcess('api', environment), startProcess('worker', environment)])
  })
  afterAll(async () => {
    await Promise.all([api.kill(), worker.kill(), provider.close(), redis?.stop(), pool.end()])
  })

  const register = (email: string) =>
    fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD }, { 'idempotency-key': email }))
  const requestsTo = (email: string) => provider.requests.filter((mail) => mail.to === email)
  const statuses = (path: string) =>
    Promise.all([api.opsUrl, worker.opsUrl].map(async (url) => (await fetch(`${url}${path}`)).status))
  const outcomesOf = async (email: string) => {
    const found = await pool.query<{ outcome: string | null }>(
      'select outcome from users left join mails on mails.user_id = users.id where email = $1',
      [email],
    )
    return found.rows.map((row) => row.outcome)
  }

  test('stopped in order: 503, nothing half-stored, and both processes recover by themselves', async () => {
    provider.answerWith([], 503)
    expect((await register('queued@example.com')).status).toBe(202)
    await expect.poll(() => requestsTo('queued@example.com').length).toBeGreaterThan(0)
    const restart = await stopPostgres('SIGINT')
    provider.answerWith([])

    const refused = await register('refused@example.com')
    expect(refused.status).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await readProblem(refused)).type).toMatch(/unavailable$/)
    await expect.poll(() => statuses('/readyz')).toEqual([503, 503])
    expect(await statuses('/livez')).toEqual([200, 200])

    // Its relay has run into it, too.
    await expect.poll(() => worker.log()).toContain('PostgreSQL is unavailable')
    const many = Array.from({ length: 40 }, (_, index) => register(`refused-${index}@example.com`))
    expect(new Set((await Promise.all(many)).map(({ status }) => status))).toEqual(new Set([503]))
    await restart()
    await expect.poll(() => statuses('/readyz')).toEqual([200, 200])
    for (const { log } of [api, worker]) {
      const trouble = log()
        .split('\n')
        .filter((line) => /"level":"(?:warn|error)"/.test(line) && !line.includes('mail provider'))
      expect(trouble.filter((line) => !line.includes('the dashboard is off'))).toEqual([
        expect.stringContaining('PostgreSQL is unavailable'),
      ])
      expect(trouble.join()).not.toContain('"stack"')
    }
    expect(await outcomesOf('refused@example.com')).toEqual([])
    expect((await register('refused@example.com')).status).toBe(202)
    for (const email of ['queued@example.com', 'refused@example.com']) {
      await expect.poll(() => outcomesOf(email)).toEqual(['accepted'])
      expect(provider.inbox(email)).toHaveLength(1)
    }
  })

  test('killed before the provider has answered: its yes is not lost, as the mail comes again under the same key', async () => {
    const email = 'taken@example.com'
    provider.answerWith(['held'])
    expect((await register(email)).status).toBe(202)
    await expect.poll(() => requestsTo(email).length).toBe(1)
    const restart = await stopPostgres('SIGQUIT')
    await expect.poll(() => statuses('/readyz')).toEqual([503, 503])
    provider.release()

    await restart()
    await expect.poll(() => outcomesOf(email)).toEqual(['accepted'])
    expect(new Set(requestsTo(email).map((mail) => mail.key + mail.body)).size).toBe(1)
    expect(provider.inbox(email)).toHaveLength(1)
  })

  test('killed in the middle of a send: the mail comes again with the same key and bytes', async () => {
    const email = 'held@example.com'
    provider.answerWith(['hang'])
    expect((await register(email)).status).toBe(202)
    await expect.poll(() => requestsTo(email).length).toBe(1)
    const restart = await stopPostgres('SIGQUIT')
    await expect.poll(() => statuses('/readyz')).toEqual([503, 503])

    await restart()
    await expect.poll(() => statuses('/readyz')).toEqual([200, 200])
    await expect.poll(() => outcomesOf(email)).toEqual(['accepted'])
    expect(requestsTo(email).length).toBeGreaterThan(1)
    expect(new Set(requestsTo(email).map((mail) => mail.key + mail.body)).size).toBe(1)
    expect(provider.inbox(email)).toHaveLength(1)
  })

  test('told to stop while it is away, both end with 0 in time', async () => {
    const restart = await stopPostgres('SIGINT')
    await expect.poll(() => statuses('/readyz')).toEqual([503, 503])
    const begun = performance.now()
    expect(await Promise.all([api.stop(), worker.stop()])).toEqual([0, 0])
    expect(performance.now() - begun).toBeLessThan(STOP_LIMIT_MS)
    await restart()
  })
})

test('a connection that is lost between two statements fails its transaction and nothing else', async () => {
  const newPool = () => createPool(postgres.urlOf('postgres'), { max: 1, name: 'test', logger: silent })
  const [pool, other] = [newPool(), newPool()]
  const lost = transaction(pool, async (tx) => {
    const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
    const isThere = async () =>
      (await other.query('select pg_terminate_backend(pid) from pg_stat_activity where pid = $1', [rows[0]?.pid]))
        .rowCount
    await expect.poll(isThere).toBe(0)
    await tx.query('select 1')
  })
  const error: unknown = await lost.catch((reason: unknown) => reason)
  expect(isDatabaseUnavailable(error)).toBe(true)
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await Promise.all([pool.end(), other.end()])
})
