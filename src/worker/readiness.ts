import type { Checks } from '../core/ops-app.ts'
import { measureRelayLag } from '../core/postgres/mails.ts'
import type { Pool } from '../core/postgres/pool.ts'
import { checkDatabase } from '../core/readiness.ts'
import type { Delivering } from './delivery.ts'
import type { QueueBackend } from './queue-backend.ts'

const MAX_RELAY_LAG_MS = 30_000

export type WorkerParts = {
  pool: Pool
  backend: QueueBackend | null
  delivering: Pick<Delivering, 'isProviderWell'> | null
}

/** Database, queue, whether mails get from the one to the other, and the provider, whose trouble does not make us unready. */
export const checkWorker = async ({ pool, backend, delivering }: WorkerParts): Promise<Checks> => {
  const database = await checkDatabase(pool)
  const queue = await checkQueue(backend)
  const provider =
    delivering?.isProviderWell() === false
      ? ('degraded: mails wait until it takes them again' as const)
      : ('ok' as const)
  if (database.migrations !== 'ok') return { ...database, queue, provider }
  return { ...database, queue, relay: await checkRelay(pool), provider }
}

type Check = Checks[string]

const checkQueue = async (backend: QueueBackend | null): Promise<Check> => {
  if (!backend) return 'down: not opened yet'
  try {
    await backend.check()
    return 'ok'
  } catch {
    return 'down: cannot be reached'
  }
}

const checkRelay = async (pool: Pool): Promise<Check> => {
  const lagMs = await measureRelayLag(pool).catch(() => 0)
  return lagMs > MAX_RELAY_LAG_MS ? `down: mails have waited for the queue for ${Math.round(lagMs / 1000)} s` : 'ok'
}
