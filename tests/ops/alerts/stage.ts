import { afterAll, afterEach, beforeAll, expect, onTestFinished } from 'vitest'
import { readUser } from '../../support/answers.ts'
import { basic, PASSWORD, post } from '../../support/api.ts'
import { backends, startStore } from '../../support/backends.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from '../../support/mail-provider.ts'
import { startProcess, type TestProcess } from '../../support/processes.ts'
import type { TestRedis } from '../../support/redis.ts'
import { createRecording } from '../recording.ts'

// The last of them: Redis where there is one, so that it can be lost.
export const BACKEND = backends.at(-1) ?? 'postgresql'
export const NOBODY = 'http://127.0.0.1:9'

type Environment = Record<string, string>
type Person = { id: string; email: string }

/** An api, a worker and a provider for all tests of a `describe`, and what people do there. */
export const shareStage = () => {
  const service = shareService()
  const { sql, startApi, startWorker } = service

  return {
    sql,
    ...createPeople(() => service.api().url, service.provider, sql),
    provider: service.provider,
    redis: service.redis,
    databaseUrl: service.databaseUrl,
    apiUrl: () => service.api().url,

    /** Of what is looked at another process may take the place. */
    record: (others: () => { api?: string; worker?: string } = () => ({})) =>
      createRecording(() => ({ api: service.api().opsUrl, worker: service.worker().opsUrl, ...others() })),

    /** For one test. */
    startOwnApi: (more: Environment = {}) => forOneTest(startApi(more)),
    startOwnWorker: (more: Environment) => forOneTest(startWorker(more)),
    loseWorker: service.loseWorker,
  }
}

const shareService = () => {
  let database: TestDatabase
  let redis: TestRedis | null
  let provider: MailProvider
  let api: TestProcess
  let worker: TestProcess

  const sql = (statement: string, values: unknown[] = []) => database.pool.query(statement, values)
  const startApi = (more: Environment = {}) => startProcess('api', { DATABASE_URL: database.url, ...more })
  const startWorker = (more: Environment = {}) =>
    startProcess('worker', { DATABASE_URL: database.url, REDIS_URL: redis?.url, MAIL_URL: provider.url, ...more })

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

  const loseWorker = async () => {
    await worker.kill()
    onTestFinished(async () => {
      worker = await startWorker()
    })
  }
  const running = { api: () => api, worker: () => worker, provider: () => provider, redis: () => redis }
  return { ...running, databaseUrl: () => database.url, sql, startApi, startWorker, loseWorker }
}

type Sql = ReturnType<typeof shareService>['sql']

const createPeople = (apiUrl: () => string, provider: () => MailProvider, sql: Sql) => {
  let count = 0
  const register = async (url = apiUrl()) => {
    const email = `person${count++}@example.com`
    const answer = await fetch(`${url}/v1/users`, post({ email, password: PASSWORD }))
    return { email, status: answer.status, id: answer.ok ? (await readUser(answer)).id : '' }
  }

  return {
    register,
    registerMany: (many: number, url?: string) => Promise.all(Array.from({ length: many }, () => register(url))),

    activate: async ({ id, email }: Person, code: string) =>
      (await fetch(`${apiUrl()}/v1/users/${id}/activation`, post({ code }, { authorization: basic(email) }))).status,

    codeOf: async (email: string) => {
      await expect.poll(() => provider().inbox(email).length).toBe(1)
      const isSent = 'select 1 from codes join users on users.id = user_id where email = $1 and sent_at is not null'
      await expect.poll(async () => (await sql(isSent, [email])).rowCount).toBe(1)
      return codeIn(provider().inbox(email)[0])
    },
  }
}

const forOneTest = async (starting: Promise<TestProcess>): Promise<TestProcess> => {
  const own = await starting
  onTestFinished(() => own.kill())
  return own
}
