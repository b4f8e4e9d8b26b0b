import type { Processor, WorkerOptions } from 'bullmq'
import type { Logger } from '../../core/process/logger.ts'
import { closeWorker } from './close-worker.ts'
import { MAIL_QUEUE } from './mail-queue.ts'
import type { QueueBackend } from './queue-backend.ts'

const STOP = { graceMs: 5000, limitMs: 6500 }

export type MailWorker = { close(): Promise<void> }

/** Takes jobs until it is closed; then it finishes those in hand. */
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
  return { close: () => closeWorker(worker, STOP, logger) }
}
