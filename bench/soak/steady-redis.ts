import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findFreePort } from '../../dev/free-port.ts'
import { untilReady } from '../../dev/until-ready.ts'
import { documented } from './documented.ts'

/** `url` is for a user with the least rights. `stop` and `start` keep nothing, as a failover to an empty replica would. */
export type SteadyRedis = {
  url: string
  start(): Promise<void>
  stop(): Promise<void>
  flush(): Promise<void>
  /** As evictions would: lists and sorted sets are gone, while the hashes of the jobs stay. */
  loseInPart(): Promise<void>
}

/** A redis-server that can be stopped and started again on the same port. Rejects when there is none on PATH. */
export const startSteadyRedis = async (): Promise<SteadyRedis> => {
  const port = await findFreePort()
  const url = `redis://127.0.0.1:${port}`
  const users = join(await mkdtemp(join(tmpdir(), 'latchkey-acl-')), 'users.acl')
  const [least = ''] = documented('# Redis: users.acl')
  await writeFile(users, `user default on nopass ~* &* +@all\n${least}\n`)
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--maxmemory-policy', 'noeviction']
  let server: ChildProcess | null = null
  const start = async (): Promise<void> => {
    server = spawn('redis-server', [...flags, '--aclfile', users], { stdio: ['ignore', 'pipe', 'ignore'] })
    await untilReady(
      server,
      command(url, (redis) => redis.ping()),
    )
  }
  await start()
  return {
    url: `redis://latchkey:PASSWORD@127.0.0.1:${port}`,
    start,
    stop: async () => {
      const stopped = server
      if (!stopped || stopped.exitCode !== null || stopped.signalCode !== null) return
      const ended = once(stopped, 'exit')
      stopped.kill('SIGKILL')
      await ended
    },
    flush: () => command(url, (redis) => redis.flushall()),
    loseInPart: () => command(url, loseLists),
  }
}

const loseLists = async (redis: Redis): Promise<void> => {
  for (const key of await redis.keys('bull:mail:*'))
    if (['list', 'zset'].includes(await redis.type(key))) await redis.del(key)
}

const command = async (url: string, run: (redis: Redis) => Promise<unknown>): Promise<void> => {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  redis.on('error', () => {})
  await run(redis)
  redis.disconnect()
}
