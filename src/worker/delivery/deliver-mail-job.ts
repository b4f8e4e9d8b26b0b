import { type Job, RateLimitError, UnrecoverableError } from 'bullmq'
import * as v from 'valibot'
import { deliverMail } from '../../core/mail/deliver-mail.ts'
import type { DeliverTools } from '../../core/mail/delivery.ts'
import { noteDelivery, type WorkerMetrics } from '../operators/metrics.ts'
import { DeliveryPostponed, endedBy, interruptedBy } from '../queue/job-ends.ts'
import type { Admission } from './admit-mails.ts'
import { reportTry } from './report-try.ts'

const mailJob = v.object({ mailId: v.pipe(v.string(), v.uuid()) })

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
    const delivery = await deliverMail(tools, {
      mailId: job.data.mailId,
      open,
      signal: signal ?? new AbortController().signal,
      report: (tried) => reportTry(job, tools.logger, tried),
    }).catch((err: unknown) => {
      throw interruptedBy(err, job, { mailId: job.id }, tools.logger)
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
