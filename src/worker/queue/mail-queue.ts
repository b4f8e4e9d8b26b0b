import type { Queue } from 'bullmq'
import type { OfferedMail } from '../../core/postgres/mails.ts'
import type { Logger } from '../../core/process/logger.ts'
import { beginStep, keptTrace, type Step } from '../../core/process/telemetry/tracing.ts'
import type { QueueBackend } from './queue-backend.ts'

export const MAIL_QUEUE = 'mail'
export const SEND_CODE = 'send-code'

/** What a job carries: the row of this id carries the rest. */
export type MailJob = { mailId: string }

const DAY_SECONDS = 86_400

const JOB_OPTIONS = {
  // Giving up is a matter of time, decided by the row, never of counting.
  attempts: 1_000_000,
  backoff: { type: 'custom' },
  // Kept so that operators see what was done; few, as PostgreSQL gets slower with many.
  removeOnComplete: { age: DAY_SECONDS, count: 100 },
  removeOnFail: { age: 7 * DAY_SECONDS, count: 10_000 },
  stackTraceLimit: 20,
  keepLogs: 50,
}

/** Resolves when jobs can be added; on Redis at once, as its connection comes and goes. */
export const openMailQueue = async (backend: QueueBackend, logger: Logger): Promise<Queue> => {
  const queue = backend.newQueue(MAIL_QUEUE, { defaultJobOptions: JOB_OPTIONS })
  queue.on('error', (err) => logger.debug({ err }, 'the mail queue reports trouble'))
  if (backend.name === 'postgresql') await queue.waitUntilReady()
  return queue
}

/**
 * Puts mails into the queue under their own ids. A mail that the queue holds already is left as it is; one that it keeps as
 * finished although its row is not settled is made anew. Rejects, with nothing added, when the queue cannot be reached.
 */
export const offerMails = async (queue: Queue, mails: OfferedMail[]): Promise<void> => {
  await Promise.all(mails.filter((mail) => mail.offers > 1).map((mail) => removeFinished(queue, mail.id)))
  const inOrder = mails.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
  const offers = inOrder.map(beginOffer)
  try {
    await queue.addBulk(offers.map(({ mail, traceContext }) => jobOf(mail, traceContext)))
  } catch (error) {
    for (const { step } of offers) step?.fail(error)
    throw error
  } finally {
    for (const { step } of offers) step?.end()
  }
}

/** The relay's part of the mail's trace. A later offer finds the job in the queue, as a rule, and has no part of its own. */
const beginOffer = (mail: OfferedMail): { mail: OfferedMail; step: Step | null; traceContext: string | null } => {
  const parent = keptTrace(mail.traceContext)
  if (!parent) return { mail, step: null, traceContext: null }
  if (mail.offers > 1) return { mail, step: null, traceContext: mail.traceContext }
  const step = beginStep(`send ${MAIL_QUEUE}`, { kind: 'producer', parent, attributes: messagingOf(mail.id, 'send') })
  return { mail, step, traceContext: step.traceContext ?? mail.traceContext }
}

const jobOf = (mail: OfferedMail, traceContext: string | null) => ({
  name: SEND_CODE,
  data: { mailId: mail.id } satisfies MailJob,
  opts: {
    jobId: mail.id,
    delay: mail.delayMs,
    priority: priorityOf(mail.createdAt),
    ...(traceContext !== null && { telemetry: { metadata: traceContext } }),
  },
})

/** OpenTelemetry's names for what is done with a message. */
export const messagingOf = (mailId: string, operation: 'send' | 'process') => ({
  'messaging.system': 'bullmq',
  'messaging.destination.name': MAIL_QUEUE,
  'messaging.message.id': mailId,
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
})

const PRIORITY_UNIT_MS = 4000
const MAX_PRIORITY = 2 ** 21 - 1

/**
 * Newest first: who has just registered waits at the screen, and is not queued behind an outage's backlog. A priority, and
 * not `lifo`, as only that outlives a failed try and a pause. It begins anew every 97 days.
 */
const priorityOf = (createdAt: Date): number =>
  MAX_PRIORITY - (Math.floor(createdAt.getTime() / PRIORITY_UNIT_MS) % MAX_PRIORITY)

// Above every limit of mails per second: the counter of the window that is open stays below it, and a pause lies above.
const PAUSED = 1_000_001

/** Milliseconds for which no worker takes a mail; 0 or less when the queue is not paused. */
export const pausedForMs = (queue: Queue): Promise<number> => queue.getRateLimitTtl(PAUSED)

/** Lets no worker take a mail for so many milliseconds; a longer pause that holds already stays. */
export const pauseQueue = async (queue: Queue, ms: number): Promise<void> => {
  if ((await pausedForMs(queue)) < ms) await queue.rateLimit(ms)
}

const removeFinished = async (queue: Queue, id: string): Promise<void> => {
  const state = await queue.getJobState(id)
  if (state === 'completed' || state === 'failed') await queue.remove(id)
}
