import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { connectFast } from '../../src/worker/queue/backends/redis-clients.ts'
import { createAuthority, hasOpenssl } from './certificates.ts'
import { startTlsRedis } from './tls-redis.ts'

const canRun = inject('redis') === 'redis-server' && hasOpenssl

test.runIf(canRun)('a connection to Redis that is ended in its handshake fails, and nothing else does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-handshake-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const redis = await startTlsRedis(createAuthority(folder, 'unknown'))
  const uncaught = listenToUncaught()
  for (let count = 0; count < 20; count += 1) {
    const client = connectFast({ kind: 'single', url: `rediss://:hunter2@127.0.0.1:${redis.port}` })
    client.on('error', () => {})
    await once(client, 'connecting')
    await new Promise(setImmediate)
    const ended = new Promise((resolve) => client.once('end', resolve))
    client.disconnect()
    await ended
  }
  expect(uncaught).toEqual([])
})

/** What nobody hears, which Vitest's own listeners would tell of no test. */
const listenToUncaught = (): Error[] => {
  const uncaught: Error[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error))
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  })
  return uncaught
}
