import type { Queue } from 'bullmq'
import { createLogger } from '../../core/process/logger.ts'
import { waitUntil } from '../../core/process/wait-until.ts'
import { MAILS } from '../delivery/mail-kind.ts'
import { openQueueBackend } from '../queue/backends/open-queue-backend.ts'
import { openOutboxQueue } from '../queue/outbox-queue.ts'
import type { BackendSettings } from '../queue/queue-backend.ts'
import { pausedForMs } from '../queue/queue-pause.ts'

const PATIENCE_MS = 3000
const MAX_LINES = 50

/**
 * What the queue tells of a mail: where its job stands, a line for each try, and how long the whole queue is paused. Null when
 * it has no such job.
 */
export type JobTrace = { state: string; lines: string[]; pausedForMs: number } | null

/** Gives the traces of these mails' jobs, in the same order; 'unreachable' when the queue does not answer within three seconds. */
export const readJobTraces = async (
  store: Pick<BackendSettings, 'redisUrl' | 'databaseUrl' | 'schema' | 'prefix'>,
  mailIds: string[],
): Promise<JobTrace[] | 'unreachable'> => {
  const logger = createLogger('silent', 'trace-mail')
  const signal = AbortSignal.timeout(PATIENCE_MS)
  try {
    const backend = await openQueueBackend({ ...store, connections: 1, logger, signal })
    try {
      await waitUntil('the queue', backend.check, { logger, signal })
      const queue = await openOutboxQueue(backend, MAILS, logger)
      return await Promise.all(mailIds.map((id) => readJob(queue, id)))
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
