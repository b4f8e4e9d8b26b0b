import { createServer } from 'node:http'
import type { Hono } from 'hono'
import { expect } from 'vitest'
import type { ApiEnv } from '../../src/api/context.ts'
import { runTraceCommand } from '../../src/worker/operators/trace-command.ts'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { type BackendName, startStore } from '../support/backends.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startMailProvider } from '../support/mail-provider.ts'
import type { TestRedis } from '../support/redis.ts'
import { startTestWorker, type TestWorker } from '../support/test-worker.ts'
import { untilServed } from '../support/until-served.ts'

type WorkerOptions = Omit<Parameters<typeof startTestWorker>[1], 'redisUrl' | 'mailUrl'> & { mailUrl?: string }

/** All that a test of the worker needs on one backend: database, queue store, provider and api. Workers start when told. */
export const setStage = async (backend: BackendName, store: Promise<TestRedis | null> = startStore(backend)) => {
  const [database, redis, provider] = await Promise.all([createTestDatabase(), store, startMailProvider()])
  const app = await createTestApi(database)
  const workers: TestWorker[] = []

  return {
    database,
    pool: database.pool,
    redis,
    provider,
    app,
    ...peopleAt(app, database),
    ...mailsIn(database),
    requestsTo: (email: string) => provider.requests.filter((mail) => mail.to === email),

    startWorker: async (options: WorkerOptions = {}): Promise<TestWorker> => {
      const mailUrl = provider.url
      const worker = closableTwice(await startTestWorker(database, { redisUrl: redis?.url, mailUrl, ...options }))
      workers.push(worker)
      return worker
    },

    close: async () => {
      await Promise.all(workers.map((worker) => worker.close()))
      await Promise.all([provider.close(), redis?.stop()])
      await database.drop()
    },
  }
}

/** By its test, and with the stage. */
const closableTwice = (worker: TestWorker): TestWorker => {
  let closed: Promise<void> | null = null
  return {
    ...worker,
    close: () => {
      closed ??= worker.close()
      return closed
    },
  }
}

const peopleAt = (app: Hono<ApiEnv>, { pool }: TestDatabase) => ({
  /** Registers through the API and finds the mail that this enqueued. */
  register: async (email: string) => {
    const answer = await untilServed(async () => app.request('/v1/users', post({ email, password: PASSWORD })))
    expect(answer.status).toBe(202)
    const user = await readUser(answer)
    const mails = await pool.query<{ id: string }>('select id from mails where user_id = $1', [user.id])
    return { id: user.id, email, mailId: mails.rows[0]?.id ?? '' }
  },

  codeStatusOf: async (user: { id: string; email: string }) => {
    const answer = await app.request(`/v1/users/${user.id}`, { headers: { authorization: basic(user.email) } })
    return (await readUser(answer)).code?.status
  },
})

const mailsIn = ({ pool }: TestDatabase) => ({
  outcomeOf: async (mailId: string) => {
    const found = await pool.query<{ outcome: string | null }>('select outcome from mails where id = $1', [mailId])
    return found.rows[0]?.outcome
  },

  /** As if the relay had offered its mails an hour ago. */
  letOffersAge: () =>
    pool.query("update mails set next_offer_at = next_offer_at - interval '1 hour' where settled_at is null"),
})

/** What the command that tells what happened to a mail says, asked in this process. */
export const trace = async (wanted: string, environment: Record<string, string | undefined>) => {
  let [out, err] = ['', '']
  const code = await runTraceCommand(wanted, environment, {
    print: (text) => {
      out += text
    },
    tell: (sentence) => {
      err += `${sentence}\n`
    },
  })
  return { code, out, err }
}

export type Stage = Awaited<ReturnType<typeof setStage>>

/** A provider that keeps every request in hand until `release`, then takes it and all that follow. */
export const startGatedProvider = async () => {
  const gate = Promise.withResolvers<void>()
  const inHand: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    inHand.push(JSON.parse(body).to)
    await gate.promise
    response.end('{"id":"taken"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** How many requests it holds, or held, for this address. */
    requests: (to: string) => inHand.filter((address) => address === to).length,
    release: () => gate.resolve(),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
