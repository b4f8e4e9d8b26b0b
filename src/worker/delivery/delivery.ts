import type { Queue, Telemetry } from 'bullmq'
import type { DeliverTools } from '../../core/mail/delivery.ts'
import type { MailProvider } from '../../core/mail/routing/routes.ts'
import { retryFailedMail, retryFailedMails } from '../../core/postgres/outbox/operator-retry.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { WorkerMetrics } from '../operators/metrics.ts'
import { type OperatorRetry, operatorRetryOf } from '../queue/operator-retry.ts'
import { outboxWorkerOptions } from '../queue/outbox-worker-options.ts'
import type { QueueBackend } from '../queue/queue-backend.ts'
import { pausedForMs } from '../queue/queue-pause.ts'
import { admitMails } from './admit-mails.ts'
import { deliverMailJob } from './deliver-mail-job.ts'
import { MAILS } from './mail-kind.ts'
import { startOutbox } from './start-outbox.ts'

const METRICS_MINUTES = 60

/** `telemetry` is BullMQ's part of the traces, when there are any. */
export type DeliverySettings = {
  databaseUrl: string
  concurrency: number
  ratePerSecond: number | undefined
  telemetry?: Telemetry | undefined
}

export type Delivering = {
  queue: Queue
  isProviderWell(): Promise<boolean>
  /** What is wrong with each provider, null when nothing is; the first one first. */
  troubles(): Promise<(string | null)[]>
  close(): Promise<void>
}

/** Starts all that brings mails from their rows to the provider: the outbox of the mails, behind a circuit breaker. */
export const startDelivery = async (
  tools: DeliverTools & { backend: QueueBackend; metrics: WorkerMetrics },
  settings: DeliverySettings,
): Promise<Delivering> => {
  const { metrics, providers } = tools
  const processorFor = (queue: Queue, pauseFor: (ms: number) => void) =>
    deliverMailJob({ ...tools, ...admitMails(tools, queue, pauseFor) })
  const options = {
    ...outboxWorkerOptions(settings.concurrency, settings.ratePerSecond),
    // The dashboard's curves, where they cost no transaction for each job.
    ...(tools.backend.name === 'redis' && { metrics: { maxDataPoints: METRICS_MINUTES } }),
    ...(settings.telemetry && { telemetry: settings.telemetry }),
  }
  const { giveUpAfterSeconds } = tools.delivery
  const onGivenUp = (count: number) => metrics.mailsSettled.inc({ outcome: 'given-up' }, count)
  const outbox = await startOutbox(
    { ...tools, databaseUrl: settings.databaseUrl },
    MAILS,
    { options, giveUpAfterSeconds, onGivenUp, raisesEvents: tools.raisesEvents },
    processorFor,
  )
  return {
    ...outbox,
    // The pause may be another worker's, or from before our start.
    isProviderWell: async () => providers[0].circuit.isWell() && (await pausedForMs(outbox.queue)) <= 0,
    troubles: async () => {
      const pausedMs = await pausedForMs(outbox.queue)
      return providers.flatMap((provider) => (provider ? [describeTrouble(provider, pausedMs)] : []))
    },
  }
}

/** Such as: resend refuses us: resend-403 invalid-api-key. */
const describeTrouble = ({ name, circuit }: MailProvider, pausedMs: number): string | null => {
  const trouble = circuit.trouble()
  if (trouble?.isAboutUs) return `${name} refuses us: ${trouble.message}`
  const askedMs = Math.max(circuit.askedForMs(), pausedMs)
  if (askedMs > 0) return `${name} asked for a pause, ${Math.ceil(askedMs / 1000)} s more; an operator can end it`
  return circuit.isWell() ? null : `${name} fails, and one mail is tried now and then: ${trouble?.message}`
}

/** An operator's retry of mails. */
export const operatorRetryOfMails = (pool: Pool): OperatorRetry =>
  operatorRetryOf(pool, { one: retryFailedMail, some: retryFailedMails })
