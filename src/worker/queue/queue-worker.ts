import type { Processor, WorkerOptions } from 'bullmq'
import type { Logger } from '../../core/process/logger.ts'
import { closeWorker } from './close-worker.ts'
import type { QueueBackend } from './queue-backend.ts'

const STOP = { graceMs: 5000, limitMs: 6500 }

export type QueueWorker = {
  /** Takes no job for so many milliseconds; other workers go on. */
  pauseFor(ms: number): void
  close(): Promise<void>
}

/** Takes jobs of this queue until it is closed; then it finishes those in hand. */
export const startQueueWorker = (
  backend: QueueBackend,
  queue: string,
  processor: Processor,
  options: Omit<WorkerOptions, 'connection'>,
  logger: Logger,
): QueueWorker => {
  const worker = backend.newWorker(queue, processor, options)
  worker.on('lockRenewalFailed', (jobIds) => {
    for (const id of jobIds) worker.cancelJob(id, 'lock lost')
  })
  let resuming: NodeJS.Timeout | undefined
  const resume = () => {
    resuming = undefined
    worker.resume().catch((err: unknown) => logger.warn({ err, queue }, 'a worker did not resume'))
  }
  return {
    pauseFor: (ms) => {
      if (resuming !== undefined) return
      resuming = setTimeout(resume, ms)
      worker.pause(true).catch((err: unknown) => logger.warn({ err, queue }, 'a worker could not be paused'))
    },
    close: () => {
      clearTimeout(resuming)
      return closeWorker(worker, STOP, logger)
    },
  }
}
