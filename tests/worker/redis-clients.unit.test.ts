import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { connectFast, connectPatiently } from '../../src/worker/queue/backends/redis-clients.ts'
import { startFakeSentinel } from '../support/fake-sentinel.ts'

describe.each([
  { of: 'the queue', connect: connectFast },
  { of: 'a worker', connect: connectPatiently },
])('behind Sentinels a connection of $of', ({ connect }) => {
  const open = async () => {
    const sentinel = await startFakeSentinel()
    const redis = connect(sentinel.store).on('error', () => {})
    onTestFinished(() => {
      redis.disconnect()
      sentinel.close()
    })
    await expect.poll(() => sentinel.watchers.size).toBe(1)
    return { sentinel, redis }
  }

  test('outlives a failover that is announced while it looks for the new master', async () => {
    const { sentinel, redis } = await open()
    sentinel.killMaster()
    await expect.poll(() => redis.status).not.toBe('ready')
    await expect.poll(() => redis.status).toMatch(/^(?:ready|end)$/)
    expect([redis.status, await redis.ping()]).toEqual(['ready', 'PONG'])
  })

  test('hears of failovers also when its Sentinel was started again, and writes nothing to stderr meanwhile', async () => {
    const { sentinel, redis } = await open()
    const stderr = vi.spyOn(console, 'error').mockReturnValue()
    onTestFinished(() => stderr.mockRestore())
    const before = [...sentinel.watchers]
    sentinel.dropWatchers()
    await expect.poll(() => [...sentinel.watchers].some((watcher) => !before.includes(watcher))).toBe(true)
    expect(redis.status).toBe('ready')
    expect(stderr).not.toHaveBeenCalled()
  })
})
