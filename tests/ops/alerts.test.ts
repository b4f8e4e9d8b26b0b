import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProcess, type TestProcess } from '../support/processes.ts'
import { startProxy } from '../support/proxy.ts'
import type { TestRedis } from '../support/redis.ts'
import { PATIENT } from '../worker/stage.ts'
import { hasPromtool, RULES } from './promtool.ts'
import { createRecording } from './recording.ts'

// The last of them: Redis where there is one, so that it can be lost.
const BACKEND = backends.at(-1) ?? 'postgresql'
// More than can be hashed soon, however many cores there are.
const CROWD = 16 * availableParallelism()
const NOBODY = 'http://127.0.0.1:9'

let database: TestDatabase
let redis: TestRedis | null
let provider: MailProvider
let api: TestProcess
let worker: TestProcess

const startApi = (environment: Record<string, string> = {}) =>
  startProcess('api', { DATABASE_URL: database.url, ...environment })
const startWorker = () =>
  startProcess('worker', { DATABASE_URL: database.url, REDIS_URL: redis?.url, MAIL_URL: provider.url })

/** For one test. */
const startOwnApi = async (environment: Record<string, string> = {}) => {
  const own = await startApi(environment)
  onTestFinished(() => own.kill())
  return own
}

let people = 0
const register = async (at = api) => {
  const email = `person${people++}@example.com`
  const answer = await fetch(`${at.url}/v1/users`, post({ email, password: PASSWORD }))
  return { email, status: answer.status, id: answer.ok ? (await readUser(answer)).id : '' }
}
const registerMany = (count: number, at = api) => Promise.all(Array.from({ length: count }, () => register(at)))

const activate = async ({ id, email }: { id: string; email: string }, code: string) =>
  (await fetch(`${api.url}/v1/users/${id}/activation`, post({ code }, { authorization: basic(email) }))).status

const codeOf = async (email: string) => {
  await expect.poll(() => provider.inbox(email).length, PATIENT).toBe(1)
  const isSent = 'select 1 from codes join users on users.id = user_id where email = $1 and sent_at is not null'
  await expect.poll(async () => (await database.pool.query(isSent, [email])).rowCount, PATIENT).toBe(1)
  return codeIn(provider.inbox(email)[0])
}

const callsTo = (people: { email: string }[]) =>
  provider.requests.filter((mail) => people.some(({ email }) => email === mail.to)).length

const sql = (statement: string) => database.pool.query(statement)

/** As if all that waits had been asked for ten minutes ago. */
const letMailsAge = () =>
  sql("update mails set created_at = created_at - interval '10 minutes' where settled_at is null")

describe.runIf(hasPromtool)('alerts', () => {
  beforeAll(async () => {
    ;[database, redis, provider] = await Promise.all([createTestDatabase(), startStore(BACKEND), startMailProvider()])
    ;[api, worker] = await Promise.all([startApi(), startWorker()])
  })
  afterEach(async () => {
    provider.answerWith([])
    await sql('truncate users, guesses cascade')
  })
  afterAll(async () => {
    await Promise.all([api.kill(), worker.kill(), provider.close()])
    await redis?.stop()
    await database.drop()
  })

  const record = (
    targets: () => { api: string; worker: string } = () => ({ api: api.opsUrl, worker: worker.opsUrl }),
  ) => createRecording(targets)

  test('a healthy run fires none, with a retry, a wrong code and a wrong password in it', async () => {
    const recording = record()
    await recording.look()
    provider.answerWith([503])
    const crowd = await registerMany(4)
    for (const person of crowd) {
      const code = await codeOf(person.email)
      if (person === crowd[0]) expect(await activate(person, code === '0000' ? '1111' : '0000')).toBe(400)
      expect(await activate(person, code)).toBe(200)
      await recording.look()
    }
    const stranger = { headers: { authorization: basic('nobody@example.com') } }
    expect((await fetch(`${api.url}/v1/users/${crowd[0]?.id}`, stranger)).status).toBe(401)
    await recording.look()
    expect(await recording.findOtherThan([])).toBeNull()
  })

  test.each([
    { trouble: 503, fires: ['LatchkeyProviderDown'] },
    { trouble: 'reset', fires: ['LatchkeyProviderDown'] },
    { trouble: 401, fires: ['LatchkeyProviderRefusesUs'] },
    { trouble: 429, fires: ['LatchkeyProviderThrottles'] },
    { trouble: 422, fires: ['LatchkeyMailsRefused'] },
  ] as const)('a provider that answers $trouble fires $fires', async ({ trouble, fires }) => {
    const recording = record()
    provider.answerWith([], trouble)
    await recording.look()
    const crowd = await registerMany(6)
    await expect.poll(() => callsTo(crowd), PATIENT).toBeGreaterThanOrEqual(6)
    const isCounted = async () => {
      await recording.look()
      return recording.findOtherThan([...fires])
    }
    await expect.poll(isCounted, PATIENT).toBeNull()
  })

  test('two providers in trouble fire LatchkeyProviderDown each by its name, and one alone by its own', async () => {
    const sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: 'second' })
    onTestFinished(sandbox.close)
    const startTwo = async (url: string) => {
      const own = await startProcess('worker', {
        DATABASE_URL: database.url,
        REDIS_URL: redis?.url,
        MAIL_URL: provider.url,
        MAIL_FALLBACK_PROVIDER: 'brevo',
        MAIL_FALLBACK_URL: url,
        MAIL_FALLBACK_API_KEY: 'second',
      })
      onTestFinished(() => own.kill())
      return own
    }
    await worker.kill()
    onTestFinished(async () => {
      worker = await startWorker()
    })
    provider.answerWith([], 503)
    const down = (name: string) => ({ alertname: 'LatchkeyProviderDown', provider: name })
    for (const { url, fires } of [
      { url: sandbox.url, fires: [down('resend')] },
      { url: NOBODY, fires: [down('brevo'), down('resend')] },
    ]) {
      const own = await startTwo(url)
      const recording = record(() => ({ api: api.opsUrl, worker: own.opsUrl }))
      await recording.look()
      await registerMany(6)
      const isCounted = async () => {
        await recording.look()
        return recording.findOtherThan(fires)
      }
      await expect.poll(isCounted, PATIENT).toBeNull()
      await own.kill()
    }
  })

  test('mails that wait for long fire LatchkeyMailsLate, and those given up LatchkeyMailsGivenUp', async () => {
    const recording = record()
    provider.answerWith([], 503)
    await recording.look()
    const crowd = await registerMany(2)
    await expect.poll(() => callsTo(crowd), PATIENT).toBeGreaterThanOrEqual(2)
    await letMailsAge()
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyMailsLate', 'LatchkeyProviderDown'])).toBeNull()
    await sql("update mails set failing_since = failing_since - interval '2 hours'")
    await sql("update outboxes set possible_since = possible_since - interval '2 hours'")
    const isSettled = async () => (await sql('select 1 from mails where settled_at is null')).rowCount
    await expect.poll(isSettled, PATIENT).toBe(0)
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyMailsGivenUp', 'LatchkeyProviderDown'])).toBeNull()
  })

  test('events that wait for long fire LatchkeyEventsLate, and those given up LatchkeyEventsGivenUp', async () => {
    const events = {
      WEBHOOK_URL: NOBODY,
      WEBHOOK_SECRET: `whsec_${btoa('a'.repeat(24))}`,
      DATABASE_URL: database.url,
      REDIS_URL: redis?.url,
      MAIL_URL: provider.url,
    }
    const own = await startProcess('worker', events)
    onTestFinished(() => own.kill())
    onTestFinished(async () => void (await sql('truncate events')))
    const recording = record(() => ({ api: api.opsUrl, worker: own.opsUrl }))
    await recording.look()
    await sql(`insert into events (type, user_id, data) values ('user.deleted', gen_random_uuid(), '{}')`)
    const isTried = async () => (await sql('select 1 from events where failing_since is not null')).rowCount
    await expect.poll(isTried, PATIENT).toBe(1)
    await sql("update events set created_at = now() - interval '31 minutes'")
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyEventsLate'])).toBeNull()
    await sql("update events set failing_since = now() - interval '4 days'")
    await sql("update outboxes set possible_since = now() - interval '4 days' where kind = 'events'")
    const isSettled = async () => (await sql('select 1 from events where settled_at is null')).rowCount
    await expect.poll(isSettled, PATIENT).toBe(0)
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyEventsGivenUp'])).toBeNull()
  })

  test('no worker fires LatchkeyWorkerDown, and the api sees the mails that nobody takes up', async () => {
    await worker.kill()
    onTestFinished(async () => {
      worker = await startWorker()
    })
    const recording = record()
    await recording.look()
    await register()
    await sql("update mails set created_at = created_at - interval '1 minute'")
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyRelayLags', 'LatchkeyWorkerDown'])).toBeNull()
  })

  test.runIf(BACKEND === 'redis')('a lost Redis fires LatchkeyQueueLost', async () => {
    const recording = record()
    await recording.look()
    await redis?.stop()
    onTestFinished(() => redis?.start())
    await register()
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyQueueLost'])).toBeNull()
  })

  test.each([
    { people: 8, fires: ['LatchkeyWrongCodes'] },
    { people: 17, fires: ['LatchkeyCodesGuessed', 'LatchkeyWrongCodes'] },
  ])('three wrong codes of each of $people people fire $fires', async ({ people, fires }) => {
    const recording = record()
    await recording.look()
    for (const person of await registerMany(people)) {
      const code = await codeOf(person.email)
      for (let step = 1; step <= 3; step++) {
        expect(await activate(person, String((Number(code) + step) % 10_000).padStart(4, '0'))).toBe(400)
      }
    }
    await recording.look()
    expect(await recording.findOtherThan(fires)).toBeNull()
  })

  test('a used-up limit fires LatchkeyLimitsRefuse', async () => {
    const own = await startOwnApi({ LIMIT_REGISTRATIONS_PER_NET: '1/1h' })
    const recording = record(() => ({ api: own.opsUrl, worker: worker.opsUrl }))
    await recording.look()
    for (let round = 0; round < 3; round++) await registerMany(20, own)
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyLimitsRefuse'])).toBeNull()
  })

  test('more sign-ups than can be hashed fire LatchkeyShedsLoad, and not that PostgreSQL is at fault', async () => {
    const own = await startOwnApi({ BCRYPT_COST: '13' })
    const recording = record(() => ({ api: own.opsUrl, worker: worker.opsUrl }))
    await recording.look()
    for (let round = 0; round < 2; round++) {
      const statuses = (await registerMany(CROWD, own)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(5)
      await recording.look()
    }
    expect(await recording.findOtherThan(['LatchkeyShedsLoad'])).toBeNull()
  })

  test('a PostgreSQL whose disk is full fires LatchkeyRequestsUnavailable', async () => {
    await sql("create function fill() returns trigger language plpgsql as $$begin raise sqlstate '53100'; end$$")
    await sql('create trigger full_disk before insert on users execute function fill()')
    onTestFinished(async () => void (await sql('drop function fill() cascade')))
    const recording = record()
    await recording.look()
    for (let round = 0; round < 2; round++) {
      expect(new Set((await registerMany(8)).map(({ status }) => status))).toEqual(new Set([503]))
      await recording.look()
    }
    expect(await recording.findOtherThan(['LatchkeyRequestsUnavailable'])).toBeNull()
  })

  test('a fault of the service fires LatchkeyFaults', async () => {
    const recording = record()
    await recording.look()
    await sql('alter table users rename column ref to lost')
    onTestFinished(async () => void (await sql('alter table users rename column lost to ref')))
    for (let round = 0; round < 2; round++) {
      expect((await register()).status).toBe(500)
      await recording.look()
    }
    expect(await recording.findOtherThan(['LatchkeyFaults'])).toBeNull()
  })

  test('a lost PostgreSQL fires LatchkeyDatabaseDown', async () => {
    const proxy = await startProxy(database.url)
    onTestFinished(proxy.close)
    const own = await startOwnApi({ DATABASE_URL: proxy.url })
    const recording = record(() => ({ api: own.opsUrl, worker: worker.opsUrl }))
    await recording.look()
    proxy.close()
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyDatabaseDown'])).toBeNull()
  })

  test('no api fires LatchkeyApiDown', async () => {
    const recording = record(() => ({ api: NOBODY, worker: worker.opsUrl }))
    await recording.look()
    await recording.look()
    expect(await recording.findOtherThan(['LatchkeyApiDown'])).toBeNull()
  })

  test('an api that ends again and again fires LatchkeyRestarts', async () => {
    let own = await startOwnApi()
    const recording = record(() => ({ api: own.opsUrl, worker: worker.opsUrl }))
    await recording.look()
    for (let round = 0; round < 3; round++) {
      // The start is told in whole seconds.
      const second = Math.floor(Date.now() / 1000)
      await expect.poll(() => Math.floor(Date.now() / 1000), PATIENT).toBeGreaterThan(second)
      await own.kill()
      own = await startOwnApi()
      await recording.look()
    }
    expect(await recording.findOtherThan(['LatchkeyRestarts'])).toBeNull()
  })
})

test('every alert fires in one of these tests', () => {
  const played = readFileSync(import.meta.filename, 'utf8')
  const alerts = [...readFileSync(RULES, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, alert = '']) => alert)
  expect(alerts.length).toBeGreaterThan(10)
  expect(alerts.filter((alert) => !played.includes(`['${alert}'`) && !played.includes(`, '${alert}'`))).toEqual([])
})
