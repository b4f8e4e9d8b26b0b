import type { Queue } from 'bullmq'
import type { Counter } from 'prom-client'
import type { DeliverTools } from '../core/mail/delivery.ts'
import { deliverMailJob, deliverMailOptions } from './deliver-mail-job.ts'
import { openMailQueue } from './mail-queue.ts'
import { startMailWorker } from './mail-worker.ts'
import type { QueueBackend } from './queue-backend.ts'
import { startRelay } from './relay-loop.ts'

export type DeliverySettings = { databaseUrl: string; concurrency: number; ratePerSecond: number | undefined }

export type Delivering = { queue: Queue; close(): Promise<void> }

/**
 * Starts all that brings mails from their rows to the provider: relay, queue and worker. `close` stops taking mails up first,
 * then finishes those in hand.
 */
export const startDelivery = async (
  tools: DeliverTools & { backend: QueueBackend; tries: Counter<'result'> },
  settings: DeliverySettings,
): Promise<Delivering> => {
  const { backend, pool, logger } = tools
  const queue = await openMailQueue(backend, logger)
  const worker = startMailWorker(
    backend,
    deliverMailJob(tools, tools.tries),
    deliverMailOptions(settings.concurrency, settings.ratePerSecond),
    logger,
  )
  const relay = startRelay({ pool, queue, logger, databaseUrl: settings.databaseUrl })
  return {
    queue,
    close: async () => {
      await relay.stop()
      await worker.close()
    },
  }
}
