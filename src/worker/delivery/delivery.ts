import type { Queue, Telemetry } from 'bullmq'
import type { DeliverTools } from '../../core/mail/delivery.ts'
import type { WorkerMetrics } from '../operators/metrics.ts'
import { deliverMailOptions } from '../queue/deliver-mail-options.ts'
import type { QueueBackend } from '../queue/queue-backend.ts'
import { pausedForMs, pauseQueue } from '../queue/queue-pause.ts'
import { createCircuitBreaker, watchMailer } from './circuit-breaker.ts'
import { deliverMailJob } from './deliver-mail-job.ts'
import { MAILS } from './mail-kind.ts'
import { startOutbox } from './outbox.ts'

/** `telemetry` is BullMQ's part of the traces, when there are any. */
export type DeliverySettings = {
  databaseUrl: string
  concurrency: number
  ratePerSecond: number | undefined
  telemetry?: Telemetry | undefined
}

export type Delivering = { queue: Queue; isProviderWell(): Promise<boolean>; close(): Promise<void> }

/** Starts all that brings mails from their rows to the provider: the outbox of the mails, behind a circuit breaker. */
export const startDelivery = async (
  tools: DeliverTools & { backend: QueueBackend; metrics: WorkerMetrics },
  settings: DeliverySettings,
): Promise<Delivering> => {
  const { logger, metrics } = tools
  const gate = createCircuitBreaker()
  const processorFor = (queue: Queue) => {
    const pause = (ms: number) =>
      pauseQueue(queue, ms).catch((err: unknown) => logger.warn({ err }, 'the queue could not be paused'))
    const mailer = watchMailer(tools.mailer, gate, (ms) => {
      logger.warn({ ms }, 'the mail provider is in trouble: mails wait, and one is tried now and then')
      void pause(ms)
    })
    return deliverMailJob({ ...tools, mailer, gate, pause })
  }
  const options = {
    ...deliverMailOptions(settings.concurrency, settings.ratePerSecond),
    ...(settings.telemetry && { telemetry: settings.telemetry }),
  }
  const { giveUpAfterSeconds } = tools.delivery
  const onGivenUp = (count: number) => metrics.mailsSettled.inc({ outcome: 'given-up' }, count)
  const outbox = await startOutbox(
    { ...tools, databaseUrl: settings.databaseUrl },
    MAILS,
    { options, giveUpAfterSeconds, onGivenUp },
    processorFor,
  )
  return {
    ...outbox,
    // The pause may be another worker's, or from before our start.
    isProviderWell: async () => gate.isOpen() && (await pausedForMs(outbox.queue)) <= 0,
  }
}
