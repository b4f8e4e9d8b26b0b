import { type Job, UnrecoverableError } from 'bullmq'
import { backOffMs } from '../../core/mail/back-off.ts'
import { isDatabaseUnavailable } from '../../core/postgres/connection/unavailable.ts'
import type { Logger } from '../../core/process/logger.ts'

// How a run of an outbox's job ends otherwise than well, whatever its kind.

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

/** The job stands under failed, for a fixed word. */
export const endedBy = (reason: string): UnrecoverableError => {
  const error = new UnrecoverableError(reason)
  error.stack = reason
  return error
}

/** The try broke off in the middle; its error stays in our log, under `ids`, and the job gets a fixed word. */
export const interruptedBy = (err: unknown, job: Job, ids: object, logger: Logger): DeliveryPostponed => {
  const fields = { err, ...ids, attempt: job.attemptsMade + 1 }
  const isAway = isDatabaseUnavailable(err)
  if (isAway) logger.debug(fields, 'attempt interrupted: PostgreSQL is unavailable; it is repeated')
  else logger.error(fields, 'job failed: internal error; it is retried')
  const postponed = new DeliveryPostponed(
    isAway ? 'database-unavailable' : 'internal-error',
    backOffMs(job.attemptsMade + 1),
  )
  writeJobLog(job, postponed.stack ?? postponed.message, logger)
  return postponed
}

/** Nobody waits for the line: the row's way does not depend on it. */
export const writeJobLog = (job: Pick<Job, 'log'>, line: string, logger: Logger): void => {
  job
    .log(`${new Date().toISOString()} ${line}`)
    .catch((err: unknown) => logger.debug({ err }, 'the log of a job could not be written'))
}
