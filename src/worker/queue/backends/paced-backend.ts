import { setTimeout as sleep } from 'node:timers/promises'
import { type BackendFactory, type IQueueBackend, Worker } from 'bullmq'
import type { OutageLog } from '../../../core/process/outage-log.ts'

const PAUSE_MS = 1000

/** A worker asks for jobs after so long, told of one or not. */
export const LONGEST_WAIT_SECONDS = 5

// A job that has ended, or that another run has taken, just when its lock was to be renewed.
const LOCK_GONE = /^could not renew lock for job /

/**
 * Whether an error tells that the store of the jobs does not work. Where the store answered and the answer is about one job,
 * BullMQ's error has a number as its code (`finishedErrors`); the codes of stores and sockets are words.
 */
export const isStoreTrouble = (error: Error): boolean =>
  !('code' in error && typeof error.code === 'number') && !LOCK_GONE.test(error.message)

/**
 * The same backend, whose workers ask for less and pause after a failure of their store. With each job that ends BullMQ asks for the next
 * one, also while it waits to be told of one. BullMQ pauses only when a connection is refused; after every
 * other error (NOPERM, OOM, MISCONF, LOADING, a read-only or full PostgreSQL) it asks again at once, as fast as the store refuses.
 * Where a delayed job is the next one, BullMQ would wait until that is due, for an hour; but who has lost a connection is told of none.
 */
export const paced =
  <Backend extends IQueueBackend, Connection>(
    factory: BackendFactory<Backend, Connection>,
    outages: OutageLog,
  ): BackendFactory<Backend, Connection> =>
  (name, options, kind) => {
    const backend = factory(name, options, kind)
    return kind?.withBlockingConnection ? withPauses(backend, outages) : backend
  }

const withPauses = <Backend extends IQueueBackend>(backend: Backend, outages: OutageLog): Backend => {
  let interrupted = new AbortController()
  let isWaiting = false
  const pausing = pausingOn(outages, () => interrupted.signal)
  const { disconnectBlocking, reconnectBlocking, waitForJob, moveToCompleted } = {
    disconnectBlocking: backend.disconnectBlocking.bind(backend),
    reconnectBlocking: backend.reconnectBlocking.bind(backend),
    waitForJob: backend.waitForJob.bind(backend),
    moveToCompleted: backend.moveToCompleted.bind(backend),
  }
  return Object.assign(backend, {
    waitForJob: pausing((blockTimeout: number) => {
      isWaiting = true
      return waitForJob(Math.min(blockTimeout, LONGEST_WAIT_SECONDS)).finally(() => {
        isWaiting = false
      })
    }),
    moveToActive: pausing(backend.moveToActive.bind(backend)),
    moveToCompleted: pausing((...[job, value, keep, token, fetchNext]: Parameters<IQueueBackend['moveToCompleted']>) =>
      moveToCompleted(job, value, keep, token, fetchNext && !isWaiting),
    ),
    moveToFailed: pausing(backend.moveToFailed.bind(backend)),
    moveToDelayed: pausing(backend.moveToDelayed.bind(backend)),
    retryJob: pausing(backend.retryJob.bind(backend)),
    moveStalledJobsToWait: pausing(backend.moveStalledJobsToWait.bind(backend)),
    // A worker that closes interrupts its own wait by this.
    disconnectBlocking: (wait?: boolean) => {
      interrupted.abort()
      return disconnectBlocking(wait)
    },
    reconnectBlocking: () => {
      interrupted = new AbortController()
      return reconnectBlocking()
    },
  })
}

/** A call that pauses when the store refuses it, until `signal` interrupts that. */
const pausingOn =
  (outages: OutageLog, signal: () => AbortSignal) =>
  <Arguments extends unknown[], Result>(call: (...given: Arguments) => Promise<Result>) =>
  async (...given: Arguments): Promise<Result> => {
    try {
      const result = await call(...given)
      outages.worked()
      return result
    } catch (error) {
      if (error instanceof Error && isStoreTrouble(error))
        await sleep(PAUSE_MS, undefined, { signal: signal() }).catch(() => {})
      throw error
    }
  }

/** BullMQ types its classes by their backend, although what we call is the same on both. */
export const asPlain = <Plain>(plain: new (...args: never[]) => Plain, object: object): Plain => {
  if (!(object instanceof plain)) throw new Error('BullMQ made an object of another class')
  return object
}

export const asPlainWorker = (worker: object): Worker => asPlain<Worker>(Worker, worker)
