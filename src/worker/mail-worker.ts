import type { Processor, Worker, WorkerOptions } from 'bullmq'
import type { Logger } from '../core/logger.ts'
import { MAIL_QUEUE } from './mail-queue.ts'
import type { QueueBackend } from './queue-backend.ts'

const GRACE_MS = 6000
const HARD_LIMIT_MS = 8000

export type MailWorker = { close(): Promise<void> }

/** Takes jobs until it is closed: then it finishes those in hand, ends calls that take longer than a grace, and gives up at a limit. */
export const startMailWorker = (
  backend: QueueBackend,
  processor: Processor,
  options: Omit<WorkerOptions, 'connection'>,
  logger: Logger,
): MailWorker => {
  const worker = backend.newWorker(MAIL_QUEUE, processor, options)
  worker.on('error', (err) =>
    logger.warn({ err }, 'the mail worker has trouble with its queue; it goes on when that is over'),
  )
  worker.on('lockRenewalFailed', (jobIds) => {
    for (const id of jobIds) worker.cancelJob(id, 'lock lost')
  })
  return { close: () => closeWithin(worker, logger) }
}

const closeWithin = (worker: Worker, logger: Logger): Promise<void> =>
  new Promise((resolve) => {
    const cancel = setTimeout(() => worker.cancelAllJobs('shutdown'), GRACE_MS)
    // `close` never resolves while Redis is down (BullMQ #4656).
    const limit = setTimeout(resolve, HARD_LIMIT_MS)
    worker
      .close()
      .catch((err: unknown) => logger.warn({ err }, 'the mail worker did not close cleanly'))
      .finally(() => {
        clearTimeout(cancel)
        clearTimeout(limit)
        resolve()
      })
  })
