import { Redis } from 'ioredis'
import { connectPatiently, type RedisClient } from '../../src/worker/queue/backends/redis-clients.ts'
import type { RedisStore } from '../../src/worker/queue/backends/redis-url.ts'

/** A connection as BullMQ makes one of a worker's, to wait for jobs with. */
export const connectToWait = (store: RedisStore): RedisClient => {
  const redis = connectPatiently(store).on('error', () => {})
  redis.disconnect()
  // One call cannot be typed for both.
  return redis instanceof Redis ? redis.duplicate() : redis.duplicate()
}
