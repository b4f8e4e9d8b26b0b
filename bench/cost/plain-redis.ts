import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../../dev/free-port.ts'

export type PlainRedis = { url: string; pid: number; stop(): Promise<void> }

const STARTED_MS = 500

/** A redis-server that keeps nothing on disk; null when there is none on PATH. */
export const startPlainRedis = async (): Promise<PlainRedis | null> => {
  const port = await findFreePort()
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
    stdio: 'ignore',
  })
  const isThere = await Promise.race([
    once(server, 'error').then(() => false),
    once(server, 'exit').then(() => false),
    sleep(STARTED_MS, true),
  ]).catch(() => false)
  if (!isThere) return null
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: server.pid ?? 0,
    stop: async () => {
      const ended = once(server, 'exit')
      server.kill()
      await ended
    },
  }
}
