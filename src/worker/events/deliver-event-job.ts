import { type Job, RateLimitError, UnrecoverableError } from 'bullmq'
import * as v from 'valibot'
import { type DeliverEventTools, deliverEvent, type TriedEvent } from '../../core/events/deliver-event.ts'
import { backOffMs } from '../../core/mail/back-off.ts'
import { isDatabaseUnavailable } from '../../core/postgres/connection/unavailable.ts'
import type { Logger } from '../../core/process/logger.ts'
import { noteOnSpan } from '../../core/process/telemetry/tracing.ts'
import { DeliveryPostponed } from '../delivery/deliver-mail-job.ts'
import { writeJobLog } from '../delivery/report-try.ts'
import { messagingOf } from '../queue/outbox-queue.ts'
import { EVENTS } from './event-kind.ts'
import type { EventMetrics } from './event-metrics.ts'

const eventJob = v.object({ eventId: v.pipe(v.string(), v.uuid()) })

/** `enter`: milliseconds for which the receiver is left alone; `rest` lets this worker take no event for that long. */
export type EventJobTools = DeliverEventTools & {
  enter(): number
  rest(ms: number): void
  metrics: EventMetrics
  logger: Logger
}

/** Tells the event of a job's id. Running it twice, even at once, is harmless: the row decides. */
export const deliverEventJob =
  (tools: EventJobTools) =>
  // BullMQ hands the signal over only to a function with exactly these three parameters.
  async (job: Job, _token: string | undefined, signal: AbortSignal | undefined): Promise<string> => {
    if (!v.is(eventJob, job.data)) throw new UnrecoverableError('no-event-of-this-id')
    const waitMs = tools.enter()
    if (waitMs > 0) {
      tools.rest(waitMs)
      // Back to where it came from, at no cost of an attempt.
      throw new RateLimitError()
    }
    const begun = performance.now()
    const tried = await deliverEvent(tools, job.data.eventId, signal ?? new AbortController().signal).catch(
      (err: unknown) => {
        throw interruptedBy(err, job, tools.logger)
      },
    )
    report(job, tools, tried, performance.now() - begun)
    const { delivery } = tried
    if (delivery.end === 'later') throw new DeliveryPostponed(delivery.reason, delivery.inMs)
    if (delivery.end === 'failed') throw failedBy(delivery.reason)
    return 'accepted'
  }

/** One line in the log, one in the job's own for the dashboard, the span, and the counters. Nothing of the payload. */
const report = (job: Job, { logger, metrics }: EventJobTools, tried: TriedEvent, ms: number): void => {
  const { delivery, ...fields } = tried
  const end = delivery.end === 'done' ? 'accepted' : delivery.reason
  const line = { ...fields, ...delivery, durationMs: Math.round(ms) }
  if (delivery.end === 'failed')
    logger.warn(line, 'event given up; when the receiver works again, retry it in the dashboard')
  else logger.info(line, 'event tried')
  noteOnSpan(
    {
      ...messagingOf(EVENTS.queue, tried.eventId, 'process'),
      'latchkey.attempt': tried.attempt,
      'latchkey.outcome': end,
    },
    delivery.end === 'done' ? null : delivery.reason,
  )
  const next = delivery.end === 'later' ? `, next try in ${(delivery.inMs / 1000).toFixed(1)} s` : ''
  writeJobLog(job, `${tried.type ?? 'an event that is gone'}, try ${tried.attempt}: ${end}${next}`, logger)
  metrics.note(delivery)
}

/** The try broke off in the middle; its error stays in our log, and the job gets a fixed word. */
const interruptedBy = (err: unknown, job: Job, logger: Logger): DeliveryPostponed => {
  const fields = { err, eventId: job.id, attempt: job.attemptsMade + 1 }
  const isAway = isDatabaseUnavailable(err)
  if (isAway) logger.debug(fields, 'a try broke off, as PostgreSQL cannot work now; it is repeated')
  else logger.error(fields, 'an event could not be tried by a fault of this service; it is tried again')
  return new DeliveryPostponed(isAway ? 'database-unavailable' : 'internal-error', backOffMs(job.attemptsMade + 1))
}

const failedBy = (reason: string): UnrecoverableError => {
  const error = new UnrecoverableError(reason)
  error.stack = reason
  return error
}
