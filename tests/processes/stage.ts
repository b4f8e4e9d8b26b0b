import { afterAll, afterEach, beforeAll } from 'vitest'
import type { App } from '../api/api-client.ts'
import { readUser } from '../support/answers.ts'
import { createTestApi, PASSWORD, post } from '../support/api.ts'
import { type BackendName, startStore } from '../support/backends.ts'
import { shareTestDatabase, type TestDatabase } from '../support/database.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProcess, startProgram, type TestProgram } from '../support/processes.ts'
import { untilServed } from '../support/until-served.ts'

type Environment = Record<string, string>

export const DRAIN_LIMIT_MS = 10_000

/** What the processes of a file share: a database and a provider. What a test starts ends with it. */
export const useProcesses = () => {
  const database = shareTestDatabase()
  let provider: MailProvider
  const started: (() => Promise<unknown>)[] = []

  const settings = (environment: Environment) => ({
    DATABASE_URL: database.url,
    MAIL_URL: provider.url,
    ...environment,
  })

  beforeAll(async () => {
    provider = await startMailProvider()
  })
  afterEach(async () => {
    provider.answerWith([])
    await Promise.all(started.splice(0).map((end) => end()))
  })
  afterAll(() => provider.close())

  return {
    ...useRegistrations(database),
    database,
    provider: () => provider,

    start: async (name: 'api' | 'worker', environment: Environment = {}) => {
      const process = await startProcess(name, settings(environment))
      started.push(process.kill)
      return process
    },

    /** For what is no matter of processes. */
    startWorkerHere: async (environment: Environment = {}): Promise<TestProgram> => {
      const worker = await startProgram('worker', settings(environment))
      started.push(worker.stop)
      return worker
    },
  }
}

const useRegistrations = (database: TestDatabase) => {
  let app: App
  beforeAll(async () => {
    app = await createTestApi(database)
  })

  return {
    /** In this process. */
    register: async (email: string) =>
      readUser(await untilServed(async () => app.request('/v1/users', post({ email, password: PASSWORD })))),

    outcomeOf: async (userId: string) => {
      const statement = 'select outcome from mails where user_id = $1'
      const found = await database.pool.query<{ outcome: string | null }>(statement, [userId])
      return found.rows[0]?.outcome
    },
  }
}

/** The environment that leads a worker to a store of this kind, the same for all tests of a `describe`. */
export const useStore = (backend: BackendName) => {
  let store: { REDIS_URL?: string } = {}
  beforeAll(async () => {
    const redis = await startStore(backend)
    store = redis ? { REDIS_URL: redis.url } : {}
    return async () => redis?.stop()
  })
  return () => store
}

/** The exit code of a stop, and how long it took. */
export const timed = async (stop: Promise<number | null>) => {
  const begun = performance.now()
  return { code: await stop, ms: performance.now() - begun }
}
