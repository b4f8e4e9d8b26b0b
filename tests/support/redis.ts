import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { findFreePort } from '../../dev/embedded-postgres.ts'

/** `stop` and `start` again on the same port are an outage; nothing is kept over it, as after a failover to an empty replica. */
export type TestRedis = { url: string; start(): Promise<void>; stop(): Promise<void>; flush(): Promise<void> }

/** A Redis of its own: a `redis-server`, or a numbered database of `REDIS_URL`, which is emptied. */
export const startTestRedis = async (): Promise<TestRedis> =>
  inject('redis') === 'REDIS_URL' ? useGivenRedis() : startOwnRedis()

const startOwnRedis = async (): Promise<TestRedis> => {
  const port = await findFreePort()
  const url = `redis://127.0.0.1:${port}`
  let server: ReturnType<typeof spawn> | null = null
  const start = async () => {
    server = spawn(
      'redis-server',
      [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--maxmemory-policy',
        'noeviction',
      ],
      { stdio: 'ignore' },
    )
    await command(url, (redis) => redis.ping())
  }
  const stop = async () => {
    if (!server || server.exitCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
    server = null
  }
  await start()
  return { url, start, stop, flush: () => command(url, (redis) => redis.flushall()) }
}

const useGivenRedis = async (): Promise<TestRedis> => {
  const url = new URL(process.env.REDIS_URL ?? '')
  url.pathname = `/${1 + (Number(process.env.VITEST_POOL_ID ?? 0) % 15)}`
  const flush = () => command(url.href, (redis) => redis.flushdb())
  const impossible = () => Promise.reject(new Error('the Redis of REDIS_URL is not ours to stop'))
  await flush()
  return { url: url.href, start: impossible, stop: flush, flush }
}

const command = async (url: string, run: (redis: Redis) => Promise<unknown>): Promise<void> => {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  redis.on('error', () => {})
  await run(redis)
  redis.disconnect()
}
