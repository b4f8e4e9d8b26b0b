import type { Job } from 'bullmq'
import type { Delivery, Tried } from '../../core/mail/delivery.ts'
import type { Logger } from '../../core/process/logger.ts'
import { noteOnSpan } from '../../core/process/telemetry/tracing.ts'
import { writeJobLog } from '../queue/job-ends.ts'
import { messagingOf } from '../queue/outbox-kind.ts'
import { MAILS } from './mail-kind.ts'

/** Where waiting does not help. */
const ADVICE =
  "the provider refuses us, not this mail: by the reason's words see to MAIL_API_KEY, MAIL_FROM or the account; no mail is lost meanwhile"

/**
 * Tells operators what came of a try: one line in the log, one in the job's own log for the dashboard, and the span. Of a mail that is
 * accepted at once its job keeps that outcome: a line besides would cost every mail a write.
 */
export const reportTry = (job: Pick<Job, 'log'>, logger: Logger, tried: Tried): void => {
  const { delivery, ...fields } = tried
  const advice = delivery.end === 'later' && delivery.isAboutUs ? ADVICE : undefined
  if (delivery.end === 'failed')
    logger.warn(
      { ...fields, ...delivery },
      'mail failed for good; when its cause is removed, retry it in the dashboard',
    )
  else if (advice) logger.warn({ ...fields, ...delivery, advice }, 'mail delivery attempt')
  else logger.info({ ...fields, ...delivery }, 'mail delivery attempt')
  noteOnSpan(
    {
      ...messagingOf(MAILS.queue, tried.mailId, 'process'),
      ...(tried.requestId !== null && { 'latchkey.request_id': tried.requestId }),
      'latchkey.attempt': tried.attempt,
      'latchkey.outcome': delivery.end === 'done' ? delivery.outcome : delivery.reason,
    },
    delivery.end === 'done' ? null : delivery.reason,
  )
  if (!isAcceptedAtOnce(tried)) writeJobLog(job, describeTry(tried), logger)
}

const isAcceptedAtOnce = ({ delivery, attempt }: Tried): boolean =>
  delivery.end === 'done' && delivery.outcome === 'accepted' && attempt === 1

/** Such as: K7QX, request 0dec5f44, try 3: provider-503, next try in 4.2 s. Nothing of the address: it would lie in the queue. */
const describeTry = ({ ref, requestId, attempt, provider, delivery }: Tried): string =>
  `${ref ?? 'a mail that is gone'}${requestId === null ? '' : `, request ${requestId}`}, try ${attempt}: ${describeEnd(delivery, provider)}`

const describeEnd = (delivery: Delivery, provider: string | null): string => {
  switch (delivery.end) {
    case 'done':
      return delivery.outcome === 'accepted' && provider !== null ? `accepted by ${provider}` : delivery.outcome
    case 'failed':
      return `${delivery.reason}, failed for good`
    case 'later':
      return `${delivery.reason}, next try in ${(delivery.inMs / 1000).toFixed(1)} s`
  }
}
