import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { findSteadyPort } from './steady-port.ts'

/** `stop` and `start` keep nothing, as a failover to an empty replica would. */
export type SteadyRedis = { url: string; start(): Promise<void>; stop(): Promise<void>; flush(): Promise<void> }

/** A redis-server that can be stopped and started again on the same port. Rejects when there is none on PATH. */
export const startSteadyRedis = async (): Promise<SteadyRedis> => {
  const port = await findSteadyPort()
  const url = `redis://127.0.0.1:${port}`
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--maxmemory-policy', 'noeviction']
  let server: ChildProcess | null = null
  const start = async (): Promise<void> => {
    server = spawn('redis-server', flags, { stdio: 'ignore' })
    await once(server, 'spawn')
    await command(url, (redis) => redis.ping())
  }
  await start()
  return {
    url,
    start,
    stop: async () => {
      const stopped = server
      if (!stopped || stopped.exitCode !== null || stopped.signalCode !== null) return
      const ended = once(stopped, 'exit')
      stopped.kill('SIGKILL')
      await ended
    },
    flush: () => command(url, (redis) => redis.flushall()),
  }
}

const command = async (url: string, run: (redis: Redis) => Promise<unknown>): Promise<void> => {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  redis.on('error', () => {})
  await run(redis)
  redis.disconnect()
}
