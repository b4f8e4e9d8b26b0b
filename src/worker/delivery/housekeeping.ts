import { setTimeout as sleep } from 'node:timers/promises'
import type { Queue } from 'bullmq'
import { type HousekeepingTools, removeOldRows } from '../../core/postgres/housekeeping.ts'
import type { Logger } from '../../core/process/logger.ts'
import { closeWorker } from '../queue/close-worker.ts'
import type { QueueBackend } from '../queue/queue-backend.ts'

const QUEUE = 'housekeeping'
const EVERY_MS = 3_600_000
const RENEW_MS = 60_000
// At the start Redis is not connected yet.
const RETRY_MS = 1000
// What one leaves undone the next one does.
const TRIES = { attempts: 3, backoff: { type: 'fixed', delay: 60_000 } }
const STOP = { graceMs: 0, limitMs: 2000 }

/** `lastSuccessAt`: when it last did all that it has to do, as far as the queue knows; null when it never did. */
export type Housekeeping = { queue: Queue; lastSuccessAt(): Promise<Date | null>; close(): Promise<void> }

/**
 * Removes what is no longer needed, every hour, in one worker of all. The schedule is renewed every minute: a flushed Redis
 * forgets it, and an unreachable one does not take it.
 */
export const startHousekeeping = async (
  tools: HousekeepingTools & { backend: QueueBackend; logger: Logger },
): Promise<Housekeeping> => {
  const { backend, logger } = tools
  const stopping = new AbortController()
  const queue = backend.newQueue(QUEUE, {
    defaultJobOptions: { removeOnComplete: { count: 24 }, removeOnFail: { count: 24 } },
  })
  const worker = backend.newWorker(
    QUEUE,
    async () => {
      const removed = await removeOldRows(tools, { signal: stopping.signal })
      logger.info(removed, 'old rows removed')
      return removed
    },
    { concurrency: 1 },
  )
  worker.on('failed', (_job, err) =>
    logger.warn({ err }, 'housekeeping failed: what is left over stays until the next run'),
  )
  const report = (err: Error) => logger.debug({ err }, 'housekeeping has trouble with its queue')
  queue.on('error', report)
  worker.on('error', report)
  if (backend.name === 'postgresql') await queue.waitUntilReady()
  void renewSchedule(queue, logger, stopping.signal)
  return {
    queue,
    lastSuccessAt: async () => {
      const [last] = await queue.getCompleted(0, 0)
      return last?.finishedOn === undefined ? null : new Date(last.finishedOn)
    },
    close: async () => {
      stopping.abort()
      await closeWorker(worker, STOP, logger)
    },
  }
}

const renewSchedule = async (queue: Queue, logger: Logger, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    const isRenewed = await queue.upsertJobScheduler(QUEUE, { every: EVERY_MS }, { name: QUEUE, opts: TRIES }).then(
      () => true,
      (err: unknown) => {
        logger.debug({ err }, 'the schedule of housekeeping is renewed later')
        return false
      },
    )
    await sleep(isRenewed ? RENEW_MS : RETRY_MS, undefined, { signal }).catch(() => {})
  }
}
