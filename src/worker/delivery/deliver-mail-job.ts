import { type Job, RateLimitError, UnrecoverableError } from 'bullmq'
import * as v from 'valibot'
import { backOffMs } from '../../core/mail/back-off.ts'
import { deliverMail } from '../../core/mail/deliver-mail.ts'
import type { DeliverTools } from '../../core/mail/delivery.ts'
import { isDatabaseUnavailable } from '../../core/postgres/connection/unavailable.ts'
import { noteDelivery, type WorkerMetrics } from '../operators/metrics.ts'
import type { Admission } from './admit-mails.ts'
import { reportTry, writeJobLog } from './report-try.ts'

const mailJob = v.object({ mailId: v.pipe(v.string(), v.uuid()) })

/** The job is tried again after this many milliseconds. The message is a fixed word that operators read in the dashboard. */
export class DeliveryPostponed extends Error {
  override name = 'DeliveryPostponed' as const
  readonly inMs: number

  constructor(reason: string, inMs: number) {
    super(reason)
    this.inMs = inMs
    this.stack = `${reason}, next try in ${(inMs / 1000).toFixed(1)} s`
  }
}

/**
 * Delivers the mail of a job's id. Running it twice, even at once, is harmless: the row decides (see `deliverMail`).
 * A job whose data name no mail fails for good; nothing else in its data is looked at.
 */
export const deliverMailJob =
  (tools: DeliverTools & Admission & { metrics: WorkerMetrics }) =>
  // BullMQ hands the signal over only to a function with exactly these three parameters.
  async (job: Job, _token: string | undefined, signal: AbortSignal | undefined): Promise<string> => {
    if (!v.is(mailJob, job.data)) throw refuse(tools.logger)
    const open = await tools.admit()
    // Back to where it came from, at no cost of an attempt.
    if (!open) throw new RateLimitError()
    const delivery = await deliverMail(tools, job.data.mailId, {
      open,
      signal: signal ?? new AbortController().signal,
      report: (tried) => reportTry(job, tools.logger, tried),
    }).catch((err: unknown) => {
      throw interruptedBy(err, job, tools.logger)
    })
    noteDelivery(tools.metrics, delivery)
    if (delivery.end === 'failed') throw endedBy(delivery.reason)
    if (delivery.end === 'later') throw new DeliveryPostponed(delivery.reason, delivery.inMs)
    return delivery.outcome
  }

const refuse = (logger: DeliverTools['logger']): UnrecoverableError => {
  logger.warn('a job that names no mail was refused: somebody else writes to the queue; it stands under failed')
  return new UnrecoverableError('no-mail-of-this-id')
}

/** The try broke off in the middle; its error stays in our log, and the job gets a fixed word. */
const interruptedBy = (err: unknown, job: Job, logger: DeliverTools['logger']): DeliveryPostponed => {
  const fields = { err, mailId: job.id, attempt: job.attemptsMade + 1 }
  const isAway = isDatabaseUnavailable(err)
  if (isAway) logger.debug(fields, 'a try broke off, as PostgreSQL cannot work now; it is repeated')
  else logger.error(fields, 'a mail could not be tried by a fault of this service; it is tried again')
  const postponed = new DeliveryPostponed(
    isAway ? 'database-unavailable' : 'internal-error',
    backOffMs(job.attemptsMade + 1),
  )
  writeJobLog(job, postponed.stack ?? postponed.message, logger)
  return postponed
}

const endedBy = (reason: string): UnrecoverableError => {
  const error = new UnrecoverableError(reason)
  error.stack = reason
  return error
}
