import type { ExpectStatic } from 'vitest'
import { documented } from '../../bench/soak/documented.ts'
import { createTestDatabase } from '../support/database.ts'
import { startMailProvider } from '../support/mail-provider.ts'
import { startProcess, startProgram } from '../support/processes.ts'
import { dataServer, newRedisServer } from '../support/redis-server.ts'
import { bear } from './bear-outage.ts'

/** An api, and a worker with its jobs on a Redis that grants the documented rights alone. */
export const setLeastRights = async () => {
  const [database, provider] = await Promise.all([createTestDatabase(), startMailProvider()])
  const redis = await newRedisServer(dataServer('--enable-debug-command', 'local'))
  const asAdmin = (...command: [string, ...string[]]) => redis.ask((admin) => admin.call(...command))

  const [line = ''] = documented('# Redis: users.acl')
  const [, name = '', ...rules] = line.split(' ')
  const allow = () => asAdmin('ACL', 'SETUSER', name, ...rules)

  await redis.start()
  await allow()
  const redisUrl = redis.url.replace('//', `//${name}:PASSWORD@`)
  const [api, worker] = await startProcesses({ DATABASE_URL: database.url, MAIL_URL: provider.url }, redisUrl)
  const parts = { redis, api, worker, provider }

  return {
    ...parts,
    asAdmin,
    allow,
    /** Breaks Redis, and says how the worker bears it. */
    bearRedis: (breakStore: Parameters<typeof bear>[1], email: string, expect: ExpectStatic) =>
      bear(parts, breakStore, email, expect),
    /** The same for what one command of Redis begins and another ends. */
    bearCommands: ({ error, off, on }: Commands, expect: ExpectStatic) =>
      bear(
        parts,
        async () => {
          await asAdmin(...off)
          return () => asAdmin(...on)
        },
        `${error.toLowerCase()}@example.com`,
        expect,
      ),
    close: async () => {
      await Promise.all([api.stop(), worker.kill()])
      await Promise.all([redis.kill(), provider.close(), database.drop()])
    },
  }
}

export type LeastRights = Awaited<ReturnType<typeof setLeastRights>>

const startProcesses = (common: Record<string, string>, redisUrl: string) =>
  Promise.all([
    startProgram('api', common),
    startProcess('worker', { ...common, REDIS_URL: redisUrl, OPS_USER: 'ops', OPS_PASSWORD: 'ops' }),
  ])

export type Commands = { error: string; off: [string, ...string[]]; on: [string, ...string[]] }
