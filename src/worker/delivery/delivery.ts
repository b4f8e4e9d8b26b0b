import type { Queue, Telemetry } from 'bullmq'
import type { DeliverTools } from '../../core/mail/delivery.ts'
import type { WorkerMetrics } from '../operators/metrics.ts'
import { deliverMailOptions } from '../queue/deliver-mail-options.ts'
import { openMailQueue, pausedForMs, pauseQueue } from '../queue/mail-queue.ts'
import { startMailWorker } from '../queue/mail-worker.ts'
import type { QueueBackend } from '../queue/queue-backend.ts'
import { createCircuitBreaker, watchMailer } from './circuit-breaker.ts'
import { deliverMailJob } from './deliver-mail-job.ts'
import { startRelay } from './relay-loop.ts'

/** `telemetry` is BullMQ's part of the traces, when there are any. */
export type DeliverySettings = {
  databaseUrl: string
  concurrency: number
  ratePerSecond: number | undefined
  telemetry?: Telemetry | undefined
}

export type Delivering = { queue: Queue; isProviderWell(): Promise<boolean>; close(): Promise<void> }

/**
 * Starts all that brings mails from their rows to the provider: relay, queue and worker. `close` stops taking mails up first,
 * then finishes those in hand.
 */
export const startDelivery = async (
  tools: DeliverTools & { backend: QueueBackend; metrics: WorkerMetrics },
  settings: DeliverySettings,
): Promise<Delivering> => {
  const { backend, pool, logger, metrics } = tools
  const queue = await openMailQueue(backend, logger)
  const gate = createCircuitBreaker()
  const pause = (ms: number) =>
    pauseQueue(queue, ms).catch((err: unknown) => logger.warn({ err }, 'the queue could not be paused'))
  const mailer = watchMailer(tools.mailer, gate, (ms) => {
    logger.warn({ ms }, 'the mail provider is in trouble: mails wait, and one is tried now and then')
    void pause(ms)
  })
  const worker = startMailWorker(
    backend,
    deliverMailJob({ ...tools, mailer, gate, pause }),
    {
      ...deliverMailOptions(settings.concurrency, settings.ratePerSecond),
      ...(settings.telemetry && { telemetry: settings.telemetry }),
    },
    logger,
  )
  const { giveUpAfterSeconds } = tools.delivery
  const relay = startRelay({ pool, queue, logger, metrics, giveUpAfterSeconds, databaseUrl: settings.databaseUrl })
  return {
    queue,
    // The pause may be another worker's, or from before our start.
    isProviderWell: async () => gate.isOpen() && (await pausedForMs(queue)) <= 0,
    close: async () => {
      await relay.stop()
      await worker.close()
    },
  }
}
