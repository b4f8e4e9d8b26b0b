import { afterAll, beforeAll } from 'vitest'
import { documented } from '../../bench/soak/documented.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProcess, startProgram, type TestProcess, type TestProgram } from '../support/processes.ts'
import { dataServer, newRedisServer, type RedisServer } from '../support/redis-server.ts'
import { bear } from './bear-outage.ts'

/** An api, and a worker with its jobs on a Redis that grants the documented rights alone, for the tests of one `describe`. */
export const useLeastRights = () => {
  const database = shareTestDatabase()
  let provider: MailProvider
  let redis: RedisServer
  let api: TestProgram
  let worker: TestProcess
  const asAdmin = (...command: [string, ...string[]]) => redis.ask((admin) => admin.call(...command))

  const [line = ''] = documented('# Redis: users.acl')
  const [, name = '', ...rules] = line.split(' ')
  const allow = () => asAdmin('ACL', 'SETUSER', name, ...rules)

  beforeAll(async () => {
    provider = await startMailProvider()
    redis = await newRedisServer(dataServer('--enable-debug-command', 'local'))
    await redis.start()
    await allow()
    const redisUrl = redis.url.replace('//', `//${name}:PASSWORD@`)
    ;[api, worker] = await startProcesses({ DATABASE_URL: database.url, MAIL_URL: provider.url }, redisUrl)
  })
  afterAll(async () => {
    await Promise.all([api.stop(), worker.kill()])
    await redis.kill()
    await provider.close()
  })

  return {
    parts: () => ({ redis, api, worker, provider }),
    asAdmin,
    allow,
    /** Breaks Redis, and says how the worker bears it. */
    bearRedis: (breakStore: Parameters<typeof bear>[1], email: string) =>
      bear({ worker, api, provider }, breakStore, email),
    /** The same for what one command of Redis begins and another ends. */
    bearCommands: ({ error, off, on }: Commands) =>
      bear(
        { worker, api, provider },
        async () => {
          await asAdmin(...off)
          return () => asAdmin(...on)
        },
        `${error.toLowerCase()}@example.com`,
      ),
  }
}

const startProcesses = (common: Record<string, string>, redisUrl: string) =>
  Promise.all([
    startProgram('api', common),
    startProcess('worker', { ...common, REDIS_URL: redisUrl, OPS_USER: 'ops', OPS_PASSWORD: 'ops' }),
  ])

export type Commands = { error: string; off: [string, ...string[]]; on: [string, ...string[]] }
