import { describe, inject } from 'vitest'
import { testOn } from '../support/test-on.ts'
import { OUTAGE_MS } from './bear-outage.ts'
import { setLeastRights } from './least-rights.ts'

describe.runIf(inject('redis') === 'redis-server')(
  'with jobs on Redis, under the least rights',
  { concurrent: true },
  () => {
    const test = testOn(setLeastRights)

    test('MASTERDOWN is one line, and the worker rests until it is over', async ({ stage, expect }) => {
      const { asAdmin, bearRedis } = stage
      await bearRedis(
        async () => {
          await asAdmin('REPLICAOF', '127.0.0.1', '1')
          await asAdmin('CONFIG', 'SET', 'replica-serve-stale-data', 'no')
          return async () => {
            await asAdmin('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
            await asAdmin('REPLICAOF', 'NO', 'ONE')
          }
        },
        'masterdown@example.com',
        expect,
      )
    })

    test('a Redis that is killed and comes back, empty, is one line', async ({ stage, expect }) => {
      const { redis, allow, bearRedis } = stage
      await bearRedis(
        async () => {
          await redis.kill()
          return async () => {
            await redis.start()
            await allow()
          }
        },
        'killed@example.com',
        expect,
      )
    })

    test('a Redis that loads its data for seconds (LOADING) is one line', async ({ stage, expect }) => {
      const { asAdmin, bearRedis } = stage
      await bearRedis(
        async () => {
          await asAdmin('DEBUG', 'POPULATE', String(OUTAGE_MS))
          await asAdmin('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024')
          // A millisecond for each key.
          await asAdmin('CONFIG', 'SET', 'key-load-delay', '1000')
          const loaded = asAdmin('DEBUG', 'RELOAD')
          return async () => {
            await loaded
            await asAdmin('CONFIG', 'SET', 'key-load-delay', '0')
          }
        },
        'loading@example.com',
        expect,
      )
    })
  },
)
