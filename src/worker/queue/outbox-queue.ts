import type { Queue } from 'bullmq'
import type { OfferedRow, OutboxTable } from '../../core/postgres/outbox/outbox.ts'
import type { Logger } from '../../core/process/logger.ts'
import { beginStep, keptTrace, type Step } from '../../core/process/telemetry/tracing.ts'
import type { QueueBackend } from './queue-backend.ts'

/**
 * What one kind of outbox is called where, and what its jobs carry. To add a kind: a table with the columns and indexes of
 * `OutboxTable`, a channel that is notified when a row is there, a value of this type, and a processor that claims, sends and
 * settles the row of a job's id, by statements of its own that are made with the parts in `core/postgres/outbox/lease.ts`; then
 * `startOutbox` does the rest: relay, offers, healing, giving up, pause and stop.
 */
export type OutboxKind = {
  table: OutboxTable
  channel: string
  queue: string
  job: string
  /** What a job carries: the row of this id carries the rest. */
  dataOf(id: string): Record<string, string>
}

const DAY_SECONDS = 86_400

// Kept so that operators see what was done; few, as PostgreSQL gets slower with many.
const KEPT = {
  completed: { age: DAY_SECONDS, count: 100 },
  failed: { age: 7 * DAY_SECONDS, count: 10_000 },
}

const JOB_OPTIONS = {
  // Giving up is a matter of time, decided by the row, never of counting.
  attempts: 1_000_000,
  backoff: { type: 'custom' },
  stackTraceLimit: 20,
  keepLogs: 50,
}

/** Resolves when jobs can be added; on Redis at once, as its connection comes and goes. */
export const openOutboxQueue = async (
  backend: QueueBackend,
  { queue: name }: Pick<OutboxKind, 'queue'>,
  logger: Logger,
): Promise<Queue> => {
  // In PostgreSQL BullMQ would look with each job that ends for all that are too many: most of what a mail costs there.
  const kept = isOnRedis(backend)
    ? { removeOnComplete: KEPT.completed, removeOnFail: KEPT.failed }
    : { removeOnComplete: false, removeOnFail: false }
  const queue = backend.newQueue(name, { defaultJobOptions: { ...JOB_OPTIONS, ...kept } })
  queue.on('error', (err) => logger.debug({ err, queue: name }, 'the queue reports trouble'))
  if (!isOnRedis(backend)) await queue.waitUntilReady()
  return queue
}

const isOnRedis = (backend: QueueBackend): boolean => backend.name === 'redis'

const TRIM_BATCH = 10_000

/** Removes ended jobs that are too many or too old, where BullMQ does not do it by itself. To be called now and then, by one worker of all. */
export const trimEndedJobs = async (backend: QueueBackend, queue: Queue): Promise<void> => {
  if (isOnRedis(backend)) return
  for (const [state, { age, count }] of [
    ['completed', KEPT.completed],
    ['failed', KEPT.failed],
  ] as const) {
    const surplus = (await queue.getJobCountByTypes(state)) - count
    if (surplus > 0) await queue.clean(0, surplus, state)
    await queue.clean(age * 1000, TRIM_BATCH, state)
  }
}

/** `lost`: how many of the rows that were offered before the queue did not hold any more. `refused`: those that it does not take. */
export type Offered = { lost: number; refused: string[] }

/**
 * Puts rows into the queue under their own ids. One that was offered before is left as it is while it waits or runs there;
 * whatever else the queue says of it, it is made anew. Rejects when the queue cannot be reached.
 */
export const offerRows = async (queue: Queue, kind: OutboxKind, rows: OfferedRow[]): Promise<Offered> => {
  const states = await Promise.all(rows.map((row) => (row.offers > 1 ? clear(queue, row) : 'new')))
  const missing = rows.filter((_row, index) => states[index] !== 'held')
  const offers = missing.map((row) => beginOffer(kind, row))
  try {
    const refused = await add(
      queue,
      offers.map(({ row, traceContext }) => jobOf(kind, row, traceContext)),
    )
    return { lost: states.filter((state) => state === 'lost').length, refused }
  } catch (error) {
    for (const { step } of offers) step?.fail(error)
    throw error
  } finally {
    for (const { step } of offers) step?.end()
  }
}

// In these states a job will run, or runs. What BullMQ knows by an id in no list, after an eviction, is 'unknown'.
const HELD = new Set(['waiting', 'prioritized', 'delayed', 'active', 'waiting-children'])

/** Makes room for the row's job, unless it will run. */
const clear = async (queue: Queue, { id, delayMs }: OfferedRow): Promise<'held' | 'lost'> => {
  const state = await queue.getJobState(id)
  if (state === 'delayed') await hasten(queue, id, delayMs)
  if (HELD.has(state)) return 'held'
  await queue.remove(id)
  return 'lost'
}

// A worker's clock and ours may be so far apart.
const CLOCKS_APART_MS = 10_000

/**
 * BullMQ delays a job until a time of the worker's wall clock: when that jumps back, or was ahead, the job would wait for as long as it
 * jumped. The row is due by the database's clock, so its job runs now; should that be too early, the row holds it back.
 */
const hasten = async (queue: Queue, id: string, delayMs: number): Promise<void> => {
  const job = await queue.getJob(id)
  if (!job) return
  const leftMs = (job.processedOn ?? job.timestamp) + job.delay - Date.now()
  // It may have begun meanwhile.
  if (leftMs > delayMs + CLOCKS_APART_MS) await job.promote().catch(() => {})
}

type NewJob = ReturnType<typeof jobOf>

/** Adds the jobs at once; when the queue refuses, one by one, so that one bad job holds back no other. Returns those refused. */
const add = async (queue: Queue, jobs: NewJob[]): Promise<string[]> => {
  if (jobs.length === 0) return []
  try {
    await queue.addBulk(jobs)
    return []
  } catch (error) {
    if (jobs.length === 1) throw error
    const ends = await Promise.allSettled(jobs.map(({ name, data, opts }) => queue.add(name, data, opts)))
    const refused = jobs.filter((_job, index) => ends[index]?.status === 'rejected')
    if (refused.length === jobs.length) throw error
    return refused.map(({ opts }) => opts.jobId)
  }
}

/** The relay's part of the row's trace. A later offer finds the job in the queue, as a rule, and has no part of its own. */
const beginOffer = (
  { queue }: OutboxKind,
  row: OfferedRow,
): { row: OfferedRow; step: Step | null; traceContext: string | null } => {
  const parent = keptTrace(row.traceContext)
  if (!parent) return { row, step: null, traceContext: null }
  if (row.offers > 1) return { row, step: null, traceContext: row.traceContext }
  const step = beginStep(`send ${queue}`, { kind: 'producer', parent, attributes: messagingOf(queue, row.id, 'send') })
  return { row, step, traceContext: step.traceContext ?? row.traceContext }
}

/**
 * Newest first, by priority: who has just registered is not queued behind an outage's backlog. Not by `lifo`, as only a priority
 * outlives a failed try and a pause.
 */
const jobOf = (kind: OutboxKind, row: OfferedRow, traceContext: string | null) => ({
  name: kind.job,
  data: kind.dataOf(row.id),
  opts: {
    jobId: row.id,
    delay: row.delayMs,
    priority: row.priority,
    ...(traceContext !== null && { telemetry: { metadata: traceContext } }),
  },
})

/** OpenTelemetry's names for what is done with a message. */
export const messagingOf = (queue: string, id: string, operation: 'send' | 'process') => ({
  'messaging.system': 'bullmq',
  'messaging.destination.name': queue,
  'messaging.message.id': id,
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
})
