import { setTimeout as sleep } from 'node:timers/promises'
import { measureRelayLag } from '../../core/postgres/outbox/outbox.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Checks } from '../../core/process/http/ops-app.ts'
import { checkDatabase } from '../../core/process/http/readiness.ts'
import type { Delivering } from '../delivery/delivery.ts'
import type { QueueBackend } from '../queue/queue-backend.ts'

const MAX_RELAY_LAG_MS = 30_000
const TIMEOUT_MS = 2000

export type WorkerParts = {
  pool: Pool
  backend: QueueBackend | null
  delivering: Pick<Delivering, 'troubles'> | null
}

/** Database, queue, whether mails get from the one to the other, and the provider, whose trouble does not make us unready. */
export const checkWorker = async ({ pool, backend, delivering }: WorkerParts): Promise<Checks> => {
  const [database, queue, relay, provider] = await Promise.all([
    checkDatabase(pool),
    inTime(checkQueue(backend), 'down: gives no answer'),
    inTime(checkRelay(pool), 'ok'),
    inTime(checkProviders(delivering), { provider: 'ok' }),
  ])
  return { ...database, queue, ...(database.migrations === 'ok' && { relay }), ...provider }
}

type Check = Checks[string]

/** A probe gets its answer soon, whatever is frozen. */
const inTime = <Result>(check: Promise<Result>, late: Result): Promise<Result> =>
  Promise.race([check, sleep(TIMEOUT_MS, late, { ref: false })])

const checkQueue = async (backend: QueueBackend | null): Promise<Check> => {
  if (!backend) return 'down: not opened yet'
  try {
    await backend.check()
    return 'ok'
  } catch {
    return 'down: cannot be reached'
  }
}

// What cannot be asked is told by the checks of database and queue.
const checkRelay = async (pool: Pool): Promise<Check> => {
  const lagMs = await measureRelayLag(pool, 'mails').catch(() => 0)
  return lagMs > MAX_RELAY_LAG_MS ? `down: mails have waited for the queue for ${Math.round(lagMs / 1000)} s` : 'ok'
}

const checkProviders = async (delivering: WorkerParts['delivering']): Promise<Checks> => {
  const [first = null, second] = (await delivering?.troubles().catch(() => [])) ?? []
  return { provider: toCheck(first), ...(second !== undefined && { fallback: toCheck(second) }) }
}

const toCheck = (trouble: string | null): Check => (trouble === null ? 'ok' : `degraded: ${trouble}`)
