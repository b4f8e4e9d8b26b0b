import { afterAll, beforeAll, inject } from 'vitest'
import { startTestRedis, type TestRedis } from './redis.ts'

export type BackendName = 'postgresql' | 'redis'

const choose = (): BackendName[] => {
  if (inject('redis') === 'none') return ['postgresql']
  // Where Redis is of another kind, PostgreSQL's half has had its run.
  return inject('redisKind') === 'single' ? ['postgresql', 'redis'] : ['redis']
}

/** The stores that BullMQ's half of the tests runs on; use with `describe.each`. */
export const backends = choose()

/** The Redis that a backend needs; null for PostgreSQL. */
export const startStore = async (name: BackendName): Promise<TestRedis | null> =>
  name === 'redis' ? startTestRedis() : null

/** One store for all tests of a `describe`, for those that neither stop nor break it: each gets it empty, and its `stop` leaves it. */
export const shareStore = (name: BackendName): (() => Promise<TestRedis | null>) => {
  let store: TestRedis | null = null
  beforeAll(async () => {
    store = await startStore(name)
  })
  afterAll(() => store?.stop())
  return async () => {
    await store?.flush()
    return store && { ...store, stop: async () => {} }
  }
}
