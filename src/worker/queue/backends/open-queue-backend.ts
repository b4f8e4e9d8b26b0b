import type { BackendSettings, QueueBackend } from '../queue-backend.ts'
import { openPostgresBackend } from './queue-backend-postgres.ts'
import { openRedisBackend } from './queue-backend-redis.ts'

/** Redis when there is a `REDIS_URL`, else PostgreSQL, for which it waits. */
export const openQueueBackend = (settings: BackendSettings): Promise<QueueBackend> =>
  settings.redisUrl === undefined
    ? openPostgresBackend(settings)
    : openRedisBackend({ ...settings, redisUrl: settings.redisUrl })
