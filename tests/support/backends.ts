import { inject } from 'vitest'
import { startTestRedis, type TestRedis } from './redis.ts'

/** The stores that BullMQ's half of the tests runs on; use with `describe.each`. */
export const backends = inject('redis') === 'none' ? (['postgresql'] as const) : (['postgresql', 'redis'] as const)

export type BackendName = (typeof backends)[number]

/** The Redis that a backend needs; null for PostgreSQL. */
export const startStore = async (name: BackendName): Promise<TestRedis | null> =>
  name === 'redis' ? startTestRedis() : null
