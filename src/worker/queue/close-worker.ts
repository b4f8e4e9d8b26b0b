import type { Worker } from 'bullmq'
import type { Logger } from '../../core/process/logger.ts'

/**
 * Lets a worker finish its jobs in hand, cancels those that take longer than `graceMs`, and resolves at `limitMs` whatever
 * happens: BullMQ's own `close` never resolves while Redis is down (#4656).
 */
export const closeWorker = (
  worker: Worker,
  times: { graceMs: number; limitMs: number },
  logger: Logger,
): Promise<void> =>
  new Promise((resolve) => {
    const cancel = setTimeout(() => worker.cancelAllJobs('shutdown'), times.graceMs)
    const limit = setTimeout(resolve, times.limitMs)
    worker
      .close()
      .catch((err: unknown) => logger.warn({ err }, 'a worker did not close cleanly'))
      .finally(() => {
        clearTimeout(cancel)
        clearTimeout(limit)
        resolve()
      })
  })
