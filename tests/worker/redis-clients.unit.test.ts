import { expect, onTestFinished, test } from 'vitest'
import { connectFast, connectPatiently } from '../../src/worker/queue/backends/redis-clients.ts'
import { startFakeSentinel } from '../support/fake-sentinel.ts'

test.each([
  { of: 'the queue', connect: connectFast },
  { of: 'a worker', connect: connectPatiently },
])(
  'a connection of $of outlives a failover that is announced while it looks for the new master',
  async ({ connect }) => {
    const sentinel = await startFakeSentinel()
    const redis = connect(sentinel.store).on('error', () => {})
    onTestFinished(() => {
      redis.disconnect()
      sentinel.close()
    })
    await expect.poll(() => sentinel.watchers.size).toBe(1)
    sentinel.killMaster()
    await expect.poll(() => redis.status).not.toBe('ready')
    await expect.poll(() => redis.status).toMatch(/^(?:ready|end)$/)
    expect([redis.status, await redis.ping()]).toEqual(['ready', 'PONG'])
  },
)
