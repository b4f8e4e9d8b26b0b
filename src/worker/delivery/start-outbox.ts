import { setTimeout as sleep } from 'node:timers/promises'
import { type Processor, type Queue, RateLimitError, type WorkerOptions } from 'bullmq'
import { giveUpOverdueRows, heartbeat } from '../../core/postgres/outbox/outbox-rows.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import type { Logger } from '../../core/process/logger.ts'
import type { OutboxKind } from '../queue/outbox-kind.ts'
import { openOutboxQueue, trimEndedJobs } from '../queue/outbox-queue.ts'
import type { QueueBackend } from '../queue/queue-backend.ts'
import { startQueueWorker } from '../queue/queue-worker.ts'
import type { Duty } from './heard-rows.ts'
import { runRelay } from './relay-loop.ts'

const HEARTBEAT_SECONDS = 10
// Whoever comes first after this has it; alone it is always the same.
const HEARTBEAT_FREE_SECONDS = 7
const GIVE_UP_BATCH = 1000

export type OutboxTools = { pool: Pool; backend: QueueBackend; databaseUrl: string; logger: Logger }

export type OutboxSettings = {
  options: Omit<WorkerOptions, 'connection'>
  giveUpAfterSeconds: number
  /** Whether what is given up is an event. */
  raisesEvents: boolean
  /** Is told how many rows were given up, besides those whose own last try ended so. */
  onGivenUp(count: number): void
}

export type Outbox = { queue: Queue; close(): Promise<void> }

/**
 * Starts all that takes the rows of one kind to the outside: relay, queue and worker, and what one worker of all does now and
 * then. `close` stops all of it at once, takes no job any more, and resolves when those in hand are finished.
 */
export const startOutbox = async (
  tools: OutboxTools,
  kind: OutboxKind,
  settings: OutboxSettings,
  processorFor: (queue: Queue, pauseFor: (ms: number) => void) => Processor,
): Promise<Outbox> => {
  const { pool, backend, databaseUrl, logger } = tools
  const stopping = new AbortController()
  const queue = await openOutboxQueue(backend, kind, logger)
  const processor = untilStopped(
    processorFor(queue, (ms) => worker.pauseFor(ms)),
    stopping.signal,
  )
  const worker = startQueueWorker(backend, kind.queue, processor, settings.options, logger)
  const duty: Duty = { isOurs: true, priority: null }
  const loops = [
    runRelay({ duty, pool, queue, kind, databaseUrl, outages: backend.outages, logger }, stopping.signal),
    keepBeating(tools, kind, { ...settings, duty, queue }, stopping.signal),
  ]
  return {
    queue,
    close: async () => {
      stopping.abort()
      await Promise.all([worker.close(), ...loops])
    },
  }
}

const dutyOf = (priority: number | null): Duty => ({
  isOurs: priority !== null,
  priority: priority === null ? null : { of: priority, atMs: performance.now() },
})

/** A job that the worker still gets hold of goes back to where it came from, at no cost of an attempt. */
const untilStopped =
  (processor: Processor, stopping: AbortSignal): Processor =>
  // BullMQ hands the signal over only to a function with exactly these three parameters.
  async (job, token, signal) => {
    if (stopping.aborted) throw new RateLimitError()
    return processor(job, token, signal)
  }

/**
 * Says that rows can be delivered, while the queue answers. Who said it first sweeps until the next time, gives up the rows
 * whose time is over, paused queue or not, and removes the jobs that ended long ago.
 */
const keepBeating = async (
  { pool, backend, logger }: OutboxTools,
  { table, queue: name }: OutboxKind,
  {
    giveUpAfterSeconds: afterSeconds,
    raisesEvents,
    onGivenUp,
    duty,
    queue,
  }: OutboxSettings & { duty: Duty; queue: Queue },
  signal: AbortSignal,
): Promise<void> => {
  const giveUpAll = async () => {
    let count = GIVE_UP_BATCH
    while (count === GIVE_UP_BATCH && !signal.aborted) {
      count = await giveUpOverdueRows(pool, table, { afterSeconds, raisesEvents, limit: GIVE_UP_BATCH })
      if (count === 0) continue
      onGivenUp(count)
      logger.warn({ queue: name, count }, 'rows were given up: their tries have failed for too long')
    }
  }
  while (!signal.aborted) {
    try {
      await backend.check()
      const priority = await heartbeat(pool, table, HEARTBEAT_FREE_SECONDS)
      Object.assign(duty, dutyOf(priority))
      if (duty.isOurs) {
        await giveUpAll()
        await trimEndedJobs(backend, queue)
      }
    } catch (err) {
      logger.debug({ queue: name, err }, 'no heartbeat: PostgreSQL or the queue does not answer')
    }
    await sleep(HEARTBEAT_SECONDS * 1000 * (0.8 + Math.random() * 0.4), undefined, { signal }).catch(() => {})
  }
}
