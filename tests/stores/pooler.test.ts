import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProcess, startProgram, type TestProcess, type TestProgram } from '../support/processes.ts'
import type { TestRedis } from '../support/redis.ts'
import { untilServed } from '../support/until-served.ts'
import { runTraceMail } from '../worker/spawn-program.ts'
import { trace } from '../worker/stage.ts'
import { hasPgBouncer, startPgBouncer } from './pgbouncer.ts'

if (!hasPgBouncer) process.stderr.write('\n*** THE TESTS OF POOLERS DO NOT RUN: there is no pgbouncer on PATH. ***\n\n')

const BURST = 100
// So few that every transaction is on another connection than the one before.
const SERVER_CONNECTIONS = 5
// Limits on, so that their statements go through the pooler too.
const LIMITS = {
  LIMIT_REGISTRATIONS_PER_NET: '10000/1h',
  LIMIT_MAILS_PER_MAILBOX: '100/1h',
  LIMIT_WRONG_CODES_PER_NET: '10000/1h',
  LIMIT_FAILED_LOGINS_PER_NET: '10000/1h',
}

describe.runIf(hasPgBouncer).each(backends)('through PgBouncer in transaction mode, jobs on %s', (backend) => {
  let database: TestDatabase
  let redis: TestRedis | null
  let provider: MailProvider
  let bouncer: Awaited<ReturnType<typeof startPgBouncer>>
  let apis: TestProgram[]
  let worker: TestProcess

  beforeAll(async () => {
    ;[database, redis, provider] = await Promise.all([createTestDatabase(), startStore(backend), startMailProvider()])
    bouncer = await startPgBouncer(database.url, SERVER_CONNECTIONS)
    const common = { ...LIMITS, DATABASE_URL: bouncer.url, DATABASE_DIRECT_URL: database.url }
    const api = () => startProgram('api', common)
    ;[worker, ...apis] = await Promise.all([
      startProcess('worker', { ...common, REDIS_URL: redis?.url, MAIL_URL: provider.url, MAIL_TIMEOUT_MS: '60000' }),
      api(),
      api(),
    ])
  })
  afterAll(async () => {
    await Promise.all([...apis, worker].map((process) => process.stop()))
    await Promise.all([provider.close(), redis?.stop(), bouncer.stop()])
    await database.drop()
  })

  const register = async (email: string, index = 0) => {
    const answer = await untilServed(() =>
      fetch(`${apis[index % apis.length]?.url}/v1/users`, post({ email, password: PASSWORD })),
    )
    expect(answer.status).toBe(202)
    return readUser(answer)
  }

  test('a person registers, mistypes the code, and activates', async () => {
    const user = await register('ada@example.com')
    await expect.poll(() => codeIn(provider.inbox('ada@example.com')[0])).toMatch(/^\d{4}$/)
    const right = codeIn(provider.inbox('ada@example.com')[0])
    const send = (code: string, index: number) =>
      fetch(
        `${apis[index]?.url}/v1/users/${user.id}/activation`,
        post({ code }, { authorization: basic('ada@example.com') }),
      )
    expect((await send(right === '0000' ? '0001' : '0000', 1)).status).toBe(400)
    expect((await send(right, 0)).status).toBe(200)
  })

  test('a burst is taken and every mail leaves once', async () => {
    const emails = Array.from({ length: BURST }, (_, index) => `burst${index}@example.com`)
    await Promise.all(emails.map(register))
    await expect.poll(() => emails.filter((email) => provider.inbox(email).length > 0).length).toBe(BURST)
    for (const email of emails) expect(provider.requests.filter((mail) => mail.to === email)).toHaveLength(1)
    const complaints = [...apis, worker].flatMap(
      (process) => process.log().match(/^.*"level":"(?:warn|error)".*$/gm) ?? [],
    )
    // A machine that is too busy to connect in time says so, and the person asks again: that is no fault of the pooler's.
    const isExpected = (line: string) => /the dashboard is off|due to connection timeout/.test(line)
    expect(complaints.filter((line) => !isExpected(line))).toEqual([])
  })

  test('the trace of a mail is told', async () => {
    const user = await register('trace@example.com')
    const environment = { DATABASE_URL: bouncer.url, DATABASE_DIRECT_URL: database.url, REDIS_URL: redis?.url }
    await expect.poll(async () => (await trace(user.id, environment)).out).toContain('accepted by resend as')
    expect(await runTraceMail([user.id], environment)).toMatchObject({ code: 0, err: '' })
  })

  test('the application comes through the pooler, and only what needs a session comes by itself', async () => {
    const used = await database.pool.query<{ name: string }>(
      `select distinct application_name as name
       from pg_stat_activity
       where datname = current_database() and client_port is not null and application_name like 'latchkey-%'
         and query not ilike '%pg_stat_activity%'`,
    )
    const names = used.rows.map(({ name }) => name)
    expect(names).toContain('latchkey-listen')
    const count = await database.pool.query<{ count: number }>(
      `select count(*)::integer as count
       from pg_stat_activity
       where datname = current_database() and application_name in ('latchkey-api', 'latchkey-worker')`,
    )
    expect(count.rows[0]?.count).toBeGreaterThan(0)
    expect(count.rows[0]?.count).toBeLessThanOrEqual(SERVER_CONNECTIONS)
  })
})
