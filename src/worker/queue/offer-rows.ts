import type { Queue } from 'bullmq'
import type { OfferedRow } from '../../core/postgres/outbox/outbox-rows.ts'
import { beginStep, keptTrace, type Step } from '../../core/process/telemetry/tracing.ts'
import { messagingOf, type OutboxKind } from './outbox-kind.ts'

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
