import { describe, inject } from 'vitest'
import { startTestRedis, type TestRedis } from './redis.ts'

export type BackendName = 'postgresql' | 'redis'

const choose = (): BackendName[] => {
  if (inject('redis') === 'none') return ['postgresql']
  // Where Redis is of another kind, PostgreSQL's half has had its run.
  return inject('redisKind') === 'single' ? ['postgresql', 'redis'] : ['redis']
}

/** The stores that BullMQ's half of the tests runs on. */
export const backends = choose()

/**
 * The same tests on each of the stores, side by side; those of one follow each other. Vitest knows only by a test's own `expect`
 * and `onTestFinished` whose they are.
 */
export const describeBackends = (name: string, define: (backend: BackendName) => void): void =>
  describe.concurrent.each(backends)('%s', (backend) => {
    describe(name.replace('%s', backend), { concurrent: false }, () => define(backend))
  })

/** The Redis that a backend needs; null for PostgreSQL. */
export const startStore = async (name: BackendName): Promise<TestRedis | null> =>
  name === 'redis' ? startTestRedis() : null
