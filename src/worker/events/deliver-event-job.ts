import { type Job, RateLimitError } from 'bullmq'
import * as v from 'valibot'
import { type DeliverEventTools, deliverEvent, type TriedEvent } from '../../core/events/deliver-event.ts'
import type { Logger } from '../../core/process/logger.ts'
import { noteOnSpan } from '../../core/process/telemetry/tracing.ts'
import { DeliveryPostponed, endedBy, interruptedBy, writeJobLog } from '../queue/job-ends.ts'
import { messagingOf } from '../queue/outbox-kind.ts'
import { EVENTS } from './event-kind.ts'
import type { EventMetrics } from './event-metrics.ts'

const eventJob = v.object({ eventId: v.pipe(v.string(), v.uuid()) })

/**
 * `enter`: milliseconds for which the receiver is left alone; `pauseFor` lets this worker take no event for that long. `takePlace`
 * resolves when the next one may leave.
 */
export type EventJobTools = DeliverEventTools & {
  enter(): number
  takePlace(): Promise<void>
  pauseFor(ms: number): void
  metrics: EventMetrics
  logger: Logger
}

/** Tells the event of a job's id. Running it twice, even at once, is harmless: the row decides. */
export const deliverEventJob =
  (tools: EventJobTools) =>
  // BullMQ hands the signal over only to a function with exactly these three parameters.
  async (job: Job, _token: string | undefined, signal: AbortSignal | undefined): Promise<string> => {
    if (!v.is(eventJob, job.data)) throw refuse(tools.logger)
    const waitMs = tools.enter()
    if (waitMs > 0) {
      tools.pauseFor(waitMs)
      // Back to where it came from, at no cost of an attempt.
      throw new RateLimitError()
    }
    await tools.takePlace()
    const begun = performance.now()
    const request = { eventId: job.data.eventId, signal: signal ?? new AbortController().signal }
    const tried = await deliverEvent(tools, request).catch((err: unknown) => {
      throw interruptedBy(err, job, { eventId: job.id }, tools.logger)
    })
    report(job, tools, tried, performance.now() - begun)
    const { delivery } = tried
    if (delivery.end === 'later') throw new DeliveryPostponed(delivery.reason, delivery.inMs)
    if (delivery.end === 'failed') throw endedBy(delivery.reason)
    return 'accepted'
  }

const refuse = (logger: Logger) => {
  logger.warn('a job that names no event was refused: somebody else writes to the queue; it stands under failed')
  return endedBy('no-event-of-this-id')
}

/** One line in the log, one in the job's own for the dashboard unless its outcome tells all, the span, and the counters. Nothing of the payload. */
const report = (job: Job, { logger, metrics }: EventJobTools, tried: TriedEvent, ms: number): void => {
  const { delivery, ...fields } = tried
  const end = delivery.end === 'done' ? 'accepted' : delivery.reason
  const line = { ...fields, ...delivery, durationMs: Math.round(ms) }
  if (delivery.end === 'failed')
    logger.warn(line, 'event given up; when the receiver works again, retry it in the dashboard')
  else logger.info(line, 'event delivery attempt')
  noteOnSpan(
    {
      ...messagingOf(EVENTS.queue, tried.eventId, 'process'),
      'latchkey.attempt': tried.attempt,
      'latchkey.outcome': end,
    },
    delivery.end === 'done' ? null : delivery.reason,
  )
  const next = delivery.end === 'later' ? `, next try in ${(delivery.inMs / 1000).toFixed(1)} s` : ''
  if (delivery.end !== 'done' || tried.attempt > 1)
    writeJobLog(job, `${tried.type ?? 'an event that is gone'}, try ${tried.attempt}: ${end}${next}`, logger)
  metrics.note(delivery)
}
