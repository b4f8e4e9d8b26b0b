import type { Queue } from 'bullmq'
import type { Logger } from '../../core/process/logger.ts'
import type { OutboxKind } from './outbox-kind.ts'
import type { QueueBackend } from './queue-backend.ts'

const DAY_SECONDS = 86_400

// Kept so that operators see what was done; few, as PostgreSQL gets slower with many.
const KEPT = {
  completed: { age: DAY_SECONDS, count: 100 },
  failed: { age: 7 * DAY_SECONDS, count: 10_000 },
}

const JOB_OPTIONS = {
  // Giving up is a matter of time, decided by the row, never of counting.
  attempts: 1_000_000,
  backoff: { type: 'custom' },
  stackTraceLimit: 20,
  keepLogs: 50,
}

/** Resolves when jobs can be added; on Redis at once, as its connection comes and goes. */
export const openOutboxQueue = async (
  backend: QueueBackend,
  { queue: name }: Pick<OutboxKind, 'queue'>,
  logger: Logger,
): Promise<Queue> => {
  // In PostgreSQL BullMQ would look with each job that ends for all that are too many: most of what a mail costs there.
  const kept = isOnRedis(backend)
    ? { removeOnComplete: KEPT.completed, removeOnFail: KEPT.failed }
    : { removeOnComplete: false, removeOnFail: false }
  const queue = backend.newQueue(name, { defaultJobOptions: { ...JOB_OPTIONS, ...kept } })
  queue.on('error', (err) => logger.debug({ err, queue: name }, 'the queue reports trouble'))
  if (!isOnRedis(backend)) await queue.waitUntilReady()
  return queue
}

const isOnRedis = (backend: QueueBackend): boolean => backend.name === 'redis'

const TRIM_BATCH = 10_000

/** Removes ended jobs that are too many or too old, where BullMQ does not do it by itself. To be called now and then, by one worker of all. */
export const trimEndedJobs = async (backend: QueueBackend, queue: Queue): Promise<void> => {
  if (isOnRedis(backend)) return
  for (const [state, { age, count }] of [
    ['completed', KEPT.completed],
    ['failed', KEPT.failed],
  ] as const) {
    const ended = await queue.getJobCountByTypes(state)
    if (ended === 0) continue
    if (ended > count) await queue.clean(0, ended - count, state)
    await queue.clean(age * 1000, TRIM_BATCH, state)
  }
}
