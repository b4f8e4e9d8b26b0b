import type { Socket } from 'node:net'
import { describe, test } from 'vitest'
import { LONGEST_WAIT_SECONDS } from '../../src/worker/queue/backends/paced-backend.ts'
import { connectFast, connectPatiently } from '../../src/worker/queue/backends/redis-clients.ts'
import { startFakeCluster } from '../support/fake-cluster.ts'
import { startFakeRedis } from '../support/fake-redis.ts'
import { connectToWait } from '../support/waiting-redis.ts'

const NEVER = new Promise<string>(() => {})
const LONGEST_WAIT_MS = LONGEST_WAIT_SECONDS * 1000

/** A Redis that says nothing any more to who is connected; a BZPOPMIN is answered when the longest wait is over. */
const startSilentRedis = async () => {
  const silenced = new Set<Socket>()
  const redis = await startFakeRedis(async ([name = ''], socket) => {
    if (silenced.has(socket)) return NEVER
    if (name === 'bzpopmin') await new Promise((resolve) => setTimeout(resolve, LONGEST_WAIT_MS))
    if (name === 'bzpopmin') return '*-1\r\n'
    return '+PONG\r\n'
  })
  const silence = () => redis.sockets.forEach((socket) => void silenced.add(socket))
  return { ...redis, silence, store: { kind: 'single', url: `redis://127.0.0.1:${redis.port}` } as const }
}

describe.concurrent('a Redis that is gone without a word', () => {
  test.for(
    [
      { of: 'the queue', connect: connectFast },
      { of: 'a worker', connect: connectPatiently },
      { of: 'a worker that waits for jobs', connect: connectToWait },
    ].flatMap((one) => [
      { ...one, kind: 'single', start: startSilentRedis },
      { ...one, kind: 'Cluster', start: startFakeCluster },
    ]),
  )('($kind) is noticed by a connection of $of, which is made anew', async (given, { expect, onTestFinished }) => {
    const { connect, start } = given
    const server = await start()
    const redis = connect(server.store).on('error', () => {})
    onTestFinished(() => {
      redis.disconnect()
      server.close()
    })
    await expect.poll(() => redis.status).toBe('ready')
    // A Cluster connects to a node when it has something for it.
    await redis.ping()
    server.silence()
    redis.ping().catch(() => {})
    await expect.poll(() => redis.ping().catch(() => null), { interval: 1000 }).toBe('PONG')
  })

  test('is no Redis that has no job for as long as a worker waits', async ({ expect, onTestFinished }) => {
    const server = await startSilentRedis()
    const redis = connectToWait(server.store).on('error', () => {})
    onTestFinished(() => {
      redis.disconnect()
      server.close()
    })
    let losses = 0
    redis.on('close', () => {
      losses += 1
    })
    expect(await redis.bzpopmin('marker', LONGEST_WAIT_SECONDS)).toBeNull()
    expect(losses).toBe(0)
  })
})
