import { findEventTraces, findMailTraces } from '../../core/postgres/outbox/traces.ts'
import { createPool } from '../../core/postgres/pool.ts'
import { readConfig } from '../../core/process/config.ts'
import { createLogger } from '../../core/process/logger.ts'
import { coreSettings, directUrlOf } from '../../core/process/settings.ts'
import { queueSettings } from '../config.ts'
import { MAILS } from '../delivery/mail-kind.ts'
import { EVENTS } from '../events/event-kind.ts'
import { eventWords } from './event-trace.ts'
import { readJobTraces } from './job-trace.ts'
import { mailWords } from './mail-trace.ts'
import { describeTrace } from './row-trace.ts'

const NOTHING = 'No mail or event has this id, request, reference or registration; ended ones are kept for 7 days.'
const MAX_TRACES = 20

/** `print` gets the traces, `tell` sentences beside them. */
export type Output = { print(text: string): void; tell(sentence: string): void }

/** Prints the traces of all mails and events that `wanted` names, and returns the exit code: 1 when there is none. */
export const runTraceCommand = async (
  wanted: string,
  environment: NodeJS.ProcessEnv,
  { print, tell }: Output,
): Promise<0 | 1> => {
  const config = readConfig({ ...coreSettings, ...queueSettings }, environment)
  const databaseUrl = directUrlOf(config)
  const { mails, events } = await findTraces(databaseUrl, wanted)
  if (mails.length + events.length === 0) {
    tell(NOTHING)
    return 1
  }
  const jobs = await readJobTraces(
    { redisUrl: config.REDIS_URL, databaseUrl, schema: config.DATABASE_SCHEMA, prefix: config.QUEUE_PREFIX },
    [
      { kind: MAILS, ids: mails.map(({ mailId }) => mailId) },
      { kind: EVENTS, ids: events.map(({ eventId }) => eventId) },
    ],
  )
  const where = config.REDIS_URL === undefined ? 'PostgreSQL' : 'Redis'
  if (jobs === 'unreachable')
    tell(`The queue in ${where} cannot be reached; this is what the rows tell. Is REDIS_URL the worker's?`)
  const jobOf = (id: string) => (jobs === 'unreachable' ? jobs : (jobs.get(id) ?? null))
  for (const mail of mails) print(describeTrace(mail, jobOf(mail.mailId), mailWords(mail)))
  for (const event of events) print(describeTrace(event, jobOf(event.eventId), eventWords(event)))
  if (Math.max(mails.length, events.length) === MAX_TRACES)
    tell(`These are the ${MAX_TRACES} newest of a kind; there may be more.`)
  return 0
}

const findTraces = async (databaseUrl: string, wanted: string) => {
  const pool = createPool(databaseUrl, { max: 1, name: 'latchkey-trace-mail', logger: createLogger('silent', 'trace') })
  try {
    return {
      mails: await findMailTraces(pool, wanted, MAX_TRACES),
      events: await findEventTraces(pool, wanted, MAX_TRACES),
    }
  } finally {
    await pool.end()
  }
}
