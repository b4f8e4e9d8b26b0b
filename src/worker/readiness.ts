import type { Checks } from '../core/ops-app.ts'
import { measureRelayLag } from '../core/postgres/mails.ts'
import type { Pool } from '../core/postgres/pool.ts'
import { checkDatabase } from '../core/readiness.ts'
import type { QueueBackend } from './queue-backend.ts'

const MAX_RELAY_LAG_MS = 30_000

/** Database, queue, and whether mails get from the one to the other. `backend` is null until the worker has one. */
export const checkWorker = async (pool: Pool, backend: QueueBackend | null): Promise<Checks> => {
  const database = await checkDatabase(pool)
  const queue = backend
    ? await backend.check().then(
        () => 'ok' as const,
        () => 'down: cannot be reached' as const,
      )
    : ('down: not opened yet' as const)
  if (database.migrations !== 'ok') return { ...database, queue }
  const lagMs = await measureRelayLag(pool).catch(() => 0)
  const relay =
    lagMs > MAX_RELAY_LAG_MS
      ? (`down: mails have waited for the queue for ${Math.round(lagMs / 1000)} s` as const)
      : ('ok' as const)
  return { ...database, queue, relay }
}
