import { describe, inject, test } from 'vitest'
import { OUTAGE_MS } from './bear-outage.ts'
import { useLeastRights } from './least-rights.ts'

describe.runIf(inject('redis') === 'redis-server')('with jobs on Redis, under the least rights', () => {
  const { parts, asAdmin, allow, bearRedis } = useLeastRights()

  test('MASTERDOWN is one line, and the worker rests until it is over', async () => {
    await bearRedis(async () => {
      await asAdmin('REPLICAOF', '127.0.0.1', '1')
      await asAdmin('CONFIG', 'SET', 'replica-serve-stale-data', 'no')
      return async () => {
        await asAdmin('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
        await asAdmin('REPLICAOF', 'NO', 'ONE')
      }
    }, 'masterdown@example.com')
  })

  test('a Redis that is killed and comes back, empty, is one line', async () => {
    const { redis } = parts()
    await bearRedis(async () => {
      await redis.kill()
      return async () => {
        await redis.start()
        await allow()
      }
    }, 'killed@example.com')
  })

  test('a Redis that loads its data for seconds (LOADING) is one line', async () => {
    await bearRedis(async () => {
      await asAdmin('DEBUG', 'POPULATE', String(OUTAGE_MS))
      await asAdmin('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024')
      // A millisecond for each key.
      await asAdmin('CONFIG', 'SET', 'key-load-delay', '1000')
      const loaded = asAdmin('DEBUG', 'RELOAD')
      return async () => {
        await loaded
        await asAdmin('CONFIG', 'SET', 'key-load-delay', '0')
      }
    }, 'loading@example.com')
  })
})
