import type { Queue, Telemetry } from 'bullmq'
import PQueue from 'p-queue'
import type { Receiver, ReceiverTrouble } from '../../core/events/deliver-event.ts'
import { createCircuit } from '../../core/mail/routing/circuit.ts'
import { retryFailedEvent, retryFailedEvents } from '../../core/postgres/outbox/events.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Logger } from '../../core/process/logger.ts'
import type { Registry } from '../../core/process/telemetry/registry.ts'
import { startOutbox } from '../delivery/start-outbox.ts'
import { type OperatorRetry, operatorRetryOf } from '../queue/operator-retry.ts'
import { outboxWorkerOptions } from '../queue/outbox-worker-options.ts'
import type { QueueBackend } from '../queue/queue-backend.ts'
import { deliverEventJob } from './deliver-event-job.ts'
import { EVENTS } from './event-kind.ts'
import { createEventMetrics } from './event-metrics.ts'
import { watchReceiver } from './watch-receiver.ts'

/** At once, for each worker: a receiver that is slow holds up no mail. */
export const EVENT_CONCURRENCY = 10
/** Of each worker, one after the other: what waited for a receiver that is well again leaves beside the mails, not before them. */
export const EVENTS_PER_SECOND = 50
const MAX_PAUSE_MS = 30_000

export type EventsTools = {
  pool: Pool
  backend: QueueBackend
  registry: Registry
  logger: Logger
  receiver: Receiver
}

export type EventsSettings = { databaseUrl: string; giveUpAfterSeconds: number; telemetry?: Telemetry | undefined }

export type Telling = {
  queue: Queue
  /** What is wrong with the receiver; null when nothing is. */
  trouble(): string | null
  close(): Promise<void>
}

/** Starts all that brings events from their rows to the receiver: an outbox of their own, behind a circuit breaker of its own. */
export const startEvents = async (tools: EventsTools, settings: EventsSettings): Promise<Telling> => {
  const { pool, backend, logger, receiver } = tools
  const { databaseUrl, giveUpAfterSeconds, telemetry } = settings
  const circuit = createCircuit<ReceiverTrouble>(undefined, undefined, MAX_PAUSE_MS)
  const metrics = createEventMetrics(tools.registry, { pool, circuit })
  const places = new PQueue({ interval: 1000 / EVENTS_PER_SECOND, intervalCap: 1 })
  const outbox = await startOutbox(
    { pool, backend, databaseUrl, logger },
    EVENTS,
    {
      options: { ...outboxWorkerOptions(EVENT_CONCURRENCY, undefined), ...(telemetry && { telemetry }) },
      giveUpAfterSeconds,
      raisesEvents: false,
      onGivenUp: metrics.noteGivenUp,
    },
    (_queue, pauseFor) =>
      deliverEventJob({
        ...{ pool, giveUpAfterSeconds, metrics, logger, pauseFor },
        receiver: watchReceiver(receiver, circuit, logger),
        enter: circuit.enter,
        takePlace: () => places.add(() => {}),
      }),
  )
  return {
    ...outbox,
    trouble: () => {
      if (circuit.isWell()) return null
      return `the receiver fails (${circuit.trouble()?.reason}), and one event is tried now and then`
    },
  }
}

/** An operator's retry of events. */
export const operatorRetryOfEvents = (pool: Pool): OperatorRetry =>
  operatorRetryOf(pool, { one: retryFailedEvent, some: retryFailedEvents })
