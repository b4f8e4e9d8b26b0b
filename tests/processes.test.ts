import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { findFreePort } from '../dev/free-port.ts'
import { MAILS } from '../src/worker/delivery/mail-kind.ts'
import { openQueueBackend } from '../src/worker/queue/backends/open-queue-backend.ts'
import { openOutboxQueue } from '../src/worker/queue/outbox-queue.ts'
import type { App } from './api/api-client.ts'
import { readUser } from './support/answers.ts'
import { createTestApi, PASSWORD, post } from './support/api.ts'
import { backends, startStore } from './support/backends.ts'
import { createTestDatabase, silent, type TestDatabase } from './support/database.ts'
import { type MailProvider, startMailProvider } from './support/mail-provider.ts'
import { startProcess, type TestProcess } from './support/processes.ts'
import { untilServed } from './support/until-served.ts'
import { requiredVariables, spawnProgram } from './worker/spawn-program.ts'
import { startGatedProvider } from './worker/stage.ts'

const PATIENT = { timeout: 30_000, interval: 50 }
const DRAIN_LIMIT_MS = 10_000

let database: TestDatabase
let app: App
let provider: MailProvider
let started: TestProcess[] = []

beforeAll(async () => {
  ;[database, provider] = await Promise.all([createTestDatabase(), startMailProvider()])
  app = await createTestApi(database)
})
afterEach(async () => {
  provider.answerWith([])
  await Promise.all(started.map((process) => process.kill()))
  started = []
})
afterAll(async () => {
  await provider.close()
  await database.drop()
})

const start = async (name: 'api' | 'worker', environment: Record<string, string> = {}) => {
  const process = await startProcess(name, { DATABASE_URL: database.url, MAIL_URL: provider.url, ...environment })
  started.push(process)
  return process
}

const register = async (api: TestProcess, email: string) =>
  readUser(await untilServed(() => fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD }))))

/** The same in this process, for tests of workers. */
const registerHere = async (email: string) =>
  readUser(await untilServed(async () => app.request('/v1/users', post({ email, password: PASSWORD }))))

const outcomeOf = async (userId: string) => {
  const found = await database.pool.query<{ outcome: string | null }>('select outcome from mails where user_id = $1', [
    userId,
  ])
  return found.rows[0]?.outcome
}

/** The state of the job that brings this registration's mail. */
const jobStateOf = async (userId: string, redisUrl: string | undefined): Promise<string> => {
  const { signal } = new AbortController()
  const settings = { redisUrl, databaseUrl: database.url, connections: 2, logger: silent, signal }
  const backend = await openQueueBackend(settings)
  onTestFinished(backend.close)
  const queue = await openOutboxQueue(backend, MAILS, silent)
  const found = await database.pool.query<{ id: string }>('select id from mails where user_id = $1', [userId])
  return queue.getJobState(found.rows[0]?.id ?? '')
}

/** Holds a table, so that whoever writes to it waits in the middle of its work until `release`. */
const holdUsers = async () => {
  const client = await database.pool.connect()
  await client.query('begin')
  await client.query('lock table users in access exclusive mode')
  let isHeld = true
  const release = async () => {
    if (!isHeld) return
    isHeld = false
    await client.query('rollback')
    client.release()
  }
  onTestFinished(release)
  return {
    release,
    waiting: async () => {
      const found = await database.pool.query(
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
      return found.rowCount
    },
  }
}

/** The exit code of a stop, and how long it took. */
const timed = async (stop: Promise<number | null>) => {
  const begun = performance.now()
  return { code: await stop, ms: performance.now() - begun }
}

describe('SIGTERM', () => {
  test('an idle api and an idle worker end with 0 at once', async () => {
    for (const process of await Promise.all([start('api'), start('worker')])) {
      const { code, ms } = await timed(process.stop())
      expect(code).toBe(0)
      expect(ms).toBeLessThan(5000)
      expect(process.log()).toContain('"stopped"')
    }
  })

  test('the api answers the request in flight, takes no new one, and ends with 0 in time', async () => {
    const api = await start('api')
    const table = await holdUsers()
    const inFlight = fetch(`${api.url}/v1/users`, post({ email: 'in-flight@example.com', password: PASSWORD }))
    await expect.poll(table.waiting, PATIENT).toBe(1)
    const stopped = timed(api.stop())
    await expect.poll(() => api.log(), PATIENT).toContain('stopping')
    await expect(fetch(`${api.url}/livez`, { headers: { connection: 'close' } })).rejects.toThrow('fetch failed')
    await table.release()
    expect((await inFlight).status).toBe(202)
    const { code, ms } = await stopped
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    expect(api.log()).not.toContain('stopped before everything was finished')
  })

  test('an idle connection that a client keeps open does not hold the api up', async () => {
    const api = await start('api')
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    const { code, ms } = await timed(api.stop())
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5000)
  })

  test('a second signal ends the process at once with 1', async () => {
    const api = await start('api')
    const table = await holdUsers()
    const cut = fetch(`${api.url}/v1/users`, post({ email: 'cut@example.com', password: PASSWORD }))
    const outcome = expect(cut).rejects.toThrow('fetch failed')
    await expect.poll(table.waiting, PATIENT).toBe(1)
    const first = api.stop()
    await expect.poll(() => api.log(), PATIENT).toContain('stopping')
    const { code, ms } = await timed(api.stop())
    expect(code).toBe(1)
    expect(ms).toBeLessThan(3000)
    expect(await first).toBe(1)
    await outcome
  })
})

describe.each(backends)('a worker on %s', (backend) => {
  let store: { REDIS_URL?: string }

  beforeAll(async () => {
    const redis = await startStore(backend)
    store = redis ? { REDIS_URL: redis.url } : {}
    return async () => redis?.stop()
  })

  test('finishes the mail in hand when it is told to stop, and ends with 0 in time', async () => {
    const gate = await startGatedProvider()
    onTestFinished(gate.close)
    const [api, worker] = await Promise.all([start('api'), start('worker', { ...store, MAIL_URL: gate.url })])
    const user = await register(api, `in-hand-${backend}@example.com`)
    await expect.poll(() => gate.requests(`in-hand-${backend}@example.com`), PATIENT).toBe(1)
    const stopped = timed(worker.stop())
    await expect.poll(() => worker.log(), PATIENT).toContain('stopping')
    gate.release()
    const { code, ms } = await stopped
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    expect(await outcomeOf(user.id)).toBe('accepted')
    // Nobody has to take the job over and find its mail settled.
    expect(await jobStateOf(user.id, store.REDIS_URL)).toBe('completed')
  })

  test('ends with 0 in time while the provider is silent, and the mail is not lost', async () => {
    provider.answerWith(['ignore'])
    const worker = await start('worker', { ...store, MAIL_TIMEOUT_MS: '60000' })
    const user = await registerHere(`silent-${backend}@example.com`)
    await expect
      .poll(() => provider.requests.some((mail) => mail.to === `silent-${backend}@example.com`), PATIENT)
      .toBe(true)
    const { code, ms } = await timed(worker.stop())
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    await start('worker', store)
    await expect.poll(() => outcomeOf(user.id), PATIENT).toBe('accepted')
    expect(provider.inbox(`silent-${backend}@example.com`)).toHaveLength(1)
  })

  test('takes no mail after the signal, however many wait, and the provider is slow', async () => {
    const gate = await startGatedProvider()
    onTestFinished(gate.close)
    const environment = { ...store, MAIL_URL: gate.url, MAIL_CONCURRENCY: '2' }
    const worker = await start('worker', environment)
    const emails = Array.from({ length: 8 }, (_, index) => `waiting${index}-${backend}@example.com`)
    const users = await Promise.all(emails.map((email) => registerHere(email)))
    const inHand = () => emails.reduce((sum, email) => sum + gate.requests(email), 0)
    await expect.poll(inHand, PATIENT).toBe(2)
    const stopped = timed(worker.stop())
    await expect.poll(() => worker.log(), PATIENT).toContain('stopping')
    gate.release()
    const { code, ms } = await stopped
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    expect(inHand()).toBe(2)
    expect(worker.log()).not.toContain('stopped before everything was finished')
    const outcomes = await Promise.all(users.map(({ id }) => outcomeOf(id)))
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(2)
    // Another worker takes up the rest at once: nothing was left with the one that is gone.
    await start('worker', store)
    for (const { id } of users) await expect.poll(() => outcomeOf(id), PATIENT).toBe('accepted')
  })

  test('needs so few connections that three fit into PostgreSQL with its defaults', async () => {
    const gate = await startGatedProvider()
    onTestFinished(gate.close)
    await start('worker', { ...store, MAIL_URL: gate.url })
    const emails = Array.from({ length: 40 }, (_, index) => `many${index}-${backend}@example.com`)
    // One after the other: of many at once some would be told that they wait too long for a hash.
    for (const email of emails) await registerHere(email)
    await expect.poll(() => emails.filter((email) => gate.requests(email) > 0).length, PATIENT).toBe(emails.length)
    const connections = async () =>
      (
        await database.pool.query(
          `select 1 from pg_stat_activity
           where datname = current_database() and application_name in ('latchkey-worker', 'latchkey-bullmq', 'latchkey-listen')
             or query ilike 'listen%' and datname = current_database()`,
        )
      ).rowCount
    expect(await connections()).toBeLessThanOrEqual(15)
    gate.release()
  })

  test('that is killed in the middle of a send is followed by another with the same key and bytes', async () => {
    const environment = { ...store, MAIL_TIMEOUT_MS: '60000' }
    const email = `crash-${backend}@example.com`
    provider.answerWith(['hang'])
    const victim = await start('worker', environment)
    const user = await registerHere(email)
    const tries = () => provider.requests.filter((mail) => mail.to === email)
    await expect.poll(() => tries().length, PATIENT).toBe(1)
    const heir = await start('worker', environment)
    await victim.kill()
    const killedAt = Date.now()
    await expect.poll(() => outcomeOf(user.id), PATIENT).toBe('accepted')
    const [first, second] = tries()
    expect(tries()).toHaveLength(2)
    expect((second?.at ?? Number.POSITIVE_INFINITY) - killedAt).toBeLessThan(20_000)
    expect([second?.key, second?.body]).toEqual([first?.key, first?.body])
    expect(provider.inbox(email)).toHaveLength(1)
    expect(await heir.stop()).toBe(0)
  })

  // Last, as the pause outlives the worker.
  test('stops in time while all mails wait for the provider', async () => {
    provider.answerWith([], { status: 429, retryAfter: '600' })
    const worker = await start('worker', store)
    await registerHere(`paused-${backend}@example.com`)
    await expect
      .poll(() => provider.requests.some(({ to }) => to === `paused-${backend}@example.com`), PATIENT)
      .toBe(true)
    const { code, ms } = await timed(worker.stop())
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    expect(worker.log()).not.toContain('stopped before everything was finished')
  })
})

describe('a wrong configuration', () => {
  test.each([
    { name: 'api' as const, faulty: { DATABASE_URL: 'hunter2', SECRET_KEY: 'hunter2', BCRYPT_COST: 'hunter2' } },
    {
      name: 'worker' as const,
      faulty: { DATABASE_URL: 'hunter2', SECRET_KEY: 'hunter2', MAIL_URL: 'hunter2', REDIS_URL: 'hunter2' },
    },
  ])(
    'stops the $name at once with 1 and one message that names every variable, without values',
    async ({ name, faulty }) => {
      const program = spawnProgram(name, faulty)
      await program.closed
      expect(program.child.exitCode).toBe(1)
      expect(program.out()).toBe('')
      const missing = name === 'worker' ? ['MAIL_API_KEY', 'MAIL_FROM'] : []
      for (const variable of [...Object.keys(faulty), ...missing]) expect(program.err()).toContain(`${variable}: `)
      expect(program.err()).not.toContain('hunter2')
      expect(program.err()).not.toMatch(/\bat .*\.ts:\d/)
    },
  )

  test.each(['api', 'worker'] as const)('a taken port stops the %s with 1 and one message', async (name) => {
    const port = new URL(provider.url).port
    const program = spawnProgram(name, { ...requiredVariables(database.url), OPS_PORT: port, PORT: '0' })
    await program.closed
    expect(program.child.exitCode).toBe(1)
    expect(program.err()).toContain('EADDRINUSE')
    expect(program.err().trim().split('\n')).toHaveLength(1)
  })
})

test.each(['api', 'worker'] as const)(
  'the %s starts before PostgreSQL is there, lives, is not ready, and stops with 0',
  async (name) => {
    const opsPort = String(await findFreePort())
    const nowhere = `postgres://latchkey:latchkey@127.0.0.1:${await findFreePort()}/latchkey`
    const program = spawnProgram(name, { ...requiredVariables(nowhere), PORT: '0', OPS_PORT: opsPort })
    const ask = (path: string) => fetch(`http://127.0.0.1:${opsPort}${path}`)
    await vi.waitFor(async () => expect((await ask('/livez')).status).toBe(200), PATIENT)
    const readyz = await ask('/readyz')
    expect(readyz.status).toBe(503)
    expect(await readyz.json()).toMatchObject({ status: 'not-ready', checks: { database: 'down: cannot be reached' } })
    if (name === 'worker') await expect.poll(() => program.out(), PATIENT).toContain('waiting for ')
    expect(program.child.exitCode).toBeNull()
    program.child.kill('SIGTERM')
    await program.closed
    expect(program.child.exitCode).toBe(0)
  },
)

describe('the dashboard', () => {
  test('it is off without OPS_USER and OPS_PASSWORD, as events are without WEBHOOK_URL, and the log says so', async () => {
    const worker = await start('worker', { WEBHOOK_SECRET: `whsec_${btoa('a'.repeat(24))}` })
    expect((await fetch(`${worker.opsUrl}/dashboard`)).status).toBe(404)
    await expect.poll(() => worker.log(), PATIENT).toContain('the dashboard is off: set OPS_USER and OPS_PASSWORD')
    expect(worker.log()).toContain('events are off: WEBHOOK_SECRET is set, WEBHOOK_URL is not')
  })

  test('with them it is on the port of operators, behind Basic auth', async () => {
    const worker = await start('worker', { OPS_USER: 'operator', OPS_PASSWORD: 'secret' })
    const authorization = `Basic ${Buffer.from('operator:secret').toString('base64')}`
    await expect.poll(async () => (await fetch(`${worker.opsUrl}/dashboard`)).status, PATIENT).toBe(401)
    expect((await fetch(`${worker.opsUrl}/dashboard/`, { headers: { authorization } })).status).toBe(200)
    expect(worker.log()).not.toContain('the dashboard is off')
  })
})
