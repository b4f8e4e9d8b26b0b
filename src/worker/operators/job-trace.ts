import type { Queue } from 'bullmq'
import { createLogger } from '../../core/process/logger.ts'
import { waitUntil } from '../../core/process/wait-until.ts'
import { openQueueBackend } from '../queue/backends/open-queue-backend.ts'
import type { OutboxKind } from '../queue/outbox-kind.ts'
import { openOutboxQueue } from '../queue/outbox-queue.ts'
import type { BackendSettings } from '../queue/queue-backend.ts'
import { pausedForMs } from '../queue/queue-pause.ts'

const PATIENCE_MS = 3000
const MAX_LINES = 50

/**
 * What the queue tells of a row: where its job stands, a line for each try, and how long the whole queue is paused. Null when
 * it has no such job.
 */
export type JobTrace = { state: string; lines: string[]; pausedForMs: number } | null

/** The rows of these kinds whose jobs are asked after. */
type Asked = { kind: Pick<OutboxKind, 'queue'>; ids: string[] }

/** Gives the traces of these rows' jobs, by their ids; 'unreachable' when the queue does not answer within three seconds. */
export const readJobTraces = async (
  store: Pick<BackendSettings, 'redisUrl' | 'databaseUrl' | 'schema' | 'prefix'>,
  asked: Asked[],
): Promise<Map<string, JobTrace> | 'unreachable'> => {
  const logger = createLogger('silent', 'trace-mail')
  const signal = AbortSignal.timeout(PATIENCE_MS)
  try {
    const backend = await openQueueBackend({ ...store, connections: 1, logger, signal })
    try {
      await waitUntil('the queue', backend.check, { logger, signal })
      const found = new Map<string, JobTrace>()
      for (const { kind, ids } of asked.filter((one) => one.ids.length > 0)) {
        const queue = await openOutboxQueue(backend, kind, logger)
        for (const id of ids) found.set(id, await readJob(queue, id))
      }
      return found
    } finally {
      await backend.close()
    }
  } catch {
    return 'unreachable'
  }
}

const readJob = async (queue: Queue, id: string): Promise<JobTrace> => {
  const state = await queue.getJobState(id)
  if (state === 'unknown') return null
  const [{ logs }, pausedMs] = await Promise.all([queue.getJobLogs(id, 0, MAX_LINES), pausedForMs(queue)])
  return { state, lines: logs, pausedForMs: pausedMs }
}
