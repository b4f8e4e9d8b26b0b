import { setTimeout as sleep } from 'node:timers/promises'
import { measureRelayLag } from '../../core/postgres/outbox/backlog.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Checks } from '../../core/process/http/ops-app.ts'
import { checkDatabase } from '../../core/process/http/readiness.ts'
import type { Delivering } from '../delivery/delivery.ts'
import type { Telling } from '../events/events.ts'
import type { QueueBackend } from '../queue/queue-backend.ts'

const MAX_RELAY_LAG_MS = 30_000
const TIMEOUT_MS = 2000

export type WorkerParts = {
  pool: Pool
  backend: QueueBackend | null
  delivering: Pick<Delivering, 'troubles'> | null
  /** Null when no events are told. */
  events: Telling | null
}

/** Database, queue, whether mails get from the one to the other, and the provider and the receiver of events, whose trouble does not make us unready. */
export const checkWorker = async ({ pool, backend, delivering, events }: WorkerParts): Promise<Checks> => {
  const [database, queue, relay, provider, told] = await Promise.all([
    checkDatabase(pool),
    inTime(checkQueue(backend), 'down: gives no answer'),
    inTime(checkRelay(pool), 'ok'),
    inTime(checkProviders(delivering), { provider: 'ok' }),
    inTime(checkEvents(pool, events), {}),
  ])
  return { ...database, queue, ...(database.migrations === 'ok' && { relay }), ...provider, ...told }
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

/** Events that are late make nothing unready: no mail depends on them. */
const checkEvents = async (pool: Pool, events: WorkerParts['events']): Promise<Checks> => {
  if (!events) return {}
  const lagMs = await measureRelayLag(pool, 'events').catch(() => 0)
  const isLate = lagMs > MAX_RELAY_LAG_MS
  return {
    events: toCheck(isLate ? `events have waited for the queue for ${Math.round(lagMs / 1000)} s` : events.trouble()),
  }
}

const toCheck = (trouble: string | null): Check => (trouble === null ? 'ok' : `degraded: ${trouble}`)
