import { EventEmitter } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { connectFast, connectPatiently } from '../../src/worker/queue/backends/redis-clients.ts'
import { startFakeCluster } from '../support/fake-cluster.ts'
import { startFakeSentinel } from '../support/fake-sentinel.ts'
import { connectToWait } from '../support/waiting-redis.ts'

const openSentinel = async (connect: typeof connectFast) => {
  const sentinel = await startFakeSentinel()
  const redis = connect(sentinel.store).on('error', () => {})
  onTestFinished(() => {
    redis.disconnect()
    sentinel.close()
  })
  await expect.poll(() => sentinel.watchers.size).toBe(1)
  return { sentinel, redis }
}

describe.each([
  { of: 'the queue', connect: connectFast },
  { of: 'a worker', connect: connectPatiently },
])('behind Sentinels a connection of $of', ({ connect }) => {
  test('outlives a failover that is announced while it looks for the new master', async () => {
    const { sentinel, redis } = await openSentinel(connect)
    sentinel.killMaster()
    await expect.poll(() => redis.status).not.toBe('ready')
    await expect.poll(() => redis.status).toMatch(/^(?:ready|end)$/)
    expect([redis.status, await redis.ping()]).toEqual(['ready', 'PONG'])
  })

  test('hears of failovers also when its Sentinel was started again, and writes nothing to stderr meanwhile', async () => {
    const { sentinel, redis } = await openSentinel(connect)
    const stderr = vi.spyOn(console, 'error').mockReturnValue()
    onTestFinished(() => stderr.mockRestore())
    const before = [...sentinel.watchers]
    sentinel.dropWatchers()
    await expect.poll(() => [...sentinel.watchers].some((watcher) => !before.includes(watcher))).toBe(true)
    expect(redis.status).toBe('ready')
    expect(stderr).not.toHaveBeenCalled()
  })
})

test('behind Sentinels a connection leaves nothing behind with each search for a master that is gone', async () => {
  const { sentinel } = await openSentinel(connectFast)
  const warnings: Error[] = []
  const keep = (warning: Error) => void warnings.push(warning)
  process.on('warning', keep)
  onTestFinished(() => void process.off('warning', keep))
  sentinel.loseMaster()
  await expect.poll(sentinel.searches).toBeGreaterThan(EventEmitter.defaultMaxListeners + 2)
  expect(warnings).toEqual([])
})

describe.each([
  { of: 'the queue', connect: connectFast },
  { of: 'a worker', connect: connectPatiently },
  { of: 'a worker that waits for jobs', connect: connectToWait },
])('to a Cluster a connection of $of', ({ connect }) => {
  const open = async () => {
    const cluster = await startFakeCluster()
    const redis = connect(cluster.store).on('error', () => {})
    onTestFinished(() => {
      redis.disconnect()
      cluster.close()
    })
    await expect.poll(() => redis.status).toBe('ready')
    return { cluster, redis }
  }

  test('knows that it is connected also while the Cluster is down', async () => {
    const { cluster, redis } = await open()
    redis.disconnect()
    await expect.poll(() => redis.status).toBe('end')
    cluster.state.isDown = true
    await redis.connect()
    cluster.state.isDown = false
    expect(await redis.ping()).toBe('PONG')
  })

  test('ends when it is closed, though a command is sent to another node just then', async () => {
    const { redis } = await open()
    const moved = redis.get('held').catch((error: Error) => error)
    redis.disconnect()
    await expect.poll(() => redis.status).toBe('end')
    expect(await moved).toBeInstanceOf(Error)
  })
})
