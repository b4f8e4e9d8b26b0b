import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { findFreePort } from '../../dev/free-port.ts'
import { untilReady } from '../../dev/until-ready.ts'

export type RedisServer = {
  port: number
  url: string
  start(): Promise<void>
  /** SIGKILL. With `start` again on the same port it is an outage; nothing is kept over it. */
  kill(): Promise<void>
  /** SIGSTOP, until it is killed: nobody closes a connection, and nobody answers. */
  freeze(): Promise<void>
  /** Asks this very server, as soon as it answers. */
  ask<Answer>(question: (redis: Redis) => Promise<Answer>): Promise<Answer>
}

const NOTHING_KEPT = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction']

// By default a master lets its replica wait 5 s, for others that might ask, too.
const SYNC_AT_ONCE = ['--repl-diskless-sync-delay', '0']

/** The arguments of a server that keeps nothing. */
export const dataServer =
  (...more: string[]) =>
  (port: number): string[] => ['--port', String(port), ...NOTHING_KEPT, ...SYNC_AT_ONCE, ...more]

type AskOptions = RedisOptions & { replyMapping?: 'legacy' }

/** A `redis-server` on a port of its own, not started yet. `options` are for asking it. */
export const newRedisServer = async (
  args: (port: number) => string[] = dataServer(),
  options: AskOptions = {},
): Promise<RedisServer> => {
  const port = await findFreePort()
  let server: ChildProcess | null = null
  let folder = ''
  const ask: RedisServer['ask'] = (question) => askAt(port, options, question)
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    ask,
    start: async () => {
      // A replica writes its master's data to the folder that it was started in, whatever it is told to save.
      folder = await mkdtemp(join(tmpdir(), 'latchkey-redis-'))
      const started = spawn('redis-server', args(port), { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
      server = started
      await untilReady(
        started,
        ask((redis) => redis.ping()),
      )
    },
    freeze: async () => void server?.kill('SIGSTOP'),
    kill: async () => {
      const killed = server
      server = null
      if (!killed || killed.exitCode !== null || killed.signalCode !== null) return
      const ended = once(killed, 'exit')
      killed.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const askAt = async <Answer>(
  port: number,
  options: AskOptions,
  question: (redis: Redis) => Promise<Answer>,
): Promise<Answer> => {
  const redis = new Redis({
    port,
    host: '127.0.0.1',
    maxRetriesPerRequest: null,
    retryStrategy: () => 20,
    ...options,
  })
  redis.on('error', () => {})
  try {
    return await question(redis)
  } finally {
    redis.disconnect()
  }
}
