import type { WorkerOptions } from 'bullmq'
import { backOffMs } from '../../core/mail/back-off.ts'
import { DeliveryPostponed } from './job-ends.ts'

// BullMQ's defaults would leave a killed worker's job for a minute, the whole life of a code.
const LOCK_MS = 5000
const STALLED_CHECK_MS = 2500
const MAX_STALLED = 50
const RUN_RETRY_MS = 1000
// A pause is looked at again after this: an operator may have ended it, and a worker that stops does not sleep on.
const MAX_PAUSE_SLEEP_MS = 3000
const UNLIMITED = 1_000_000
const WINDOWS_A_SECOND = 12
// By how much longer one mail may take from its job to the provider than another (seen: 110 ms, on two busy cores).
const SPREAD_MS = 150

/** How every worker of this queue runs; they must agree. `ratePerSecond` is kept over all of them. */
export const outboxWorkerOptions = (
  concurrency: number,
  ratePerSecond: number | undefined,
): Omit<WorkerOptions, 'connection'> => ({
  concurrency,
  lockDuration: LOCK_MS,
  stalledInterval: STALLED_CHECK_MS,
  maxStalledCount: MAX_STALLED,
  runRetryDelay: RUN_RETRY_MS,
  maximumRateLimitDelay: MAX_PAUSE_SLEEP_MS,
  settings: {
    backoffStrategy: (attemptsMade, _type, error) =>
      error instanceof DeliveryPostponed ? error.inMs : backOffMs(attemptsMade),
  },
  limiter: limiterOf(ratePerSecond ?? UNLIMITED),
})

/**
 * BullMQ counts in windows, the next of which may begin in the middle of a second: so a second touches one more than fit into it,
 * and all of them together must stay within the rate. It counts when a job is taken, and the provider counts when the request
 * arrives, which is a little later, and not by the same time for each. BullMQ obeys a pause of the queue only where there is a limit.
 */
const limiterOf = (perSecond: number) => {
  const max = Math.max(1, Math.floor(perSecond / (WINDOWS_A_SECOND + 1)))
  // One mail a window: the windows themselves keep the distance.
  const windows = max === 1 ? perSecond : Math.floor(perSecond / max) - 1
  return { max, duration: Math.ceil((1000 + SPREAD_MS) / windows) }
}
