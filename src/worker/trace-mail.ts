import { isDatabaseUnavailable } from '../core/postgres/connection/unavailable.ts'
import { findEventTraces, findMailTraces } from '../core/postgres/outbox/traces.ts'
import { createPool } from '../core/postgres/pool.ts'
import { ConfigError, readConfig } from '../core/process/config.ts'
import { createLogger } from '../core/process/logger.ts'
import { coreSettings, directUrlOf } from '../core/process/settings.ts'
import { queueSettings } from './config.ts'
import { MAILS } from './delivery/mail-kind.ts'
import { EVENTS } from './events/event-kind.ts'
import { outliveReaders } from './operators/closed-pipes.ts'
import { eventWords } from './operators/event-trace.ts'
import { readJobTraces } from './operators/job-trace.ts'
import { mailWords } from './operators/mail-trace.ts'
import { describeTrace } from './operators/row-trace.ts'

const USAGE = `node src/worker/trace-mail.ts <mail id | event id | request id | reference | registration id>
Tells what became of a mail or an event. Needs the worker's DATABASE_URL, DATABASE_DIRECT_URL and REDIS_URL.
`
const DATABASE_AWAY = 'The database cannot be asked. Is DATABASE_URL right, and is PostgreSQL running?'
const NOTHING = 'No mail or event has this id, request, reference or registration; ended ones are kept for 7 days.'
const MAX_TRACES = 20

/** Prints the traces of all mails and events that `wanted` names, and returns the exit code. */
const trace = async (wanted: string): Promise<number> => {
  const config = readConfig({ ...coreSettings, ...queueSettings }, process.env)
  const databaseUrl = directUrlOf(config)
  const pool = createPool(databaseUrl, { max: 1, name: 'latchkey-trace-mail', logger: createLogger('silent', 'trace') })
  const find = async () => ({
    mails: await findMailTraces(pool, wanted, MAX_TRACES),
    events: await findEventTraces(pool, wanted, MAX_TRACES),
  })
  const { mails, events } = await find().finally(() => pool.end())
  if (mails.length + events.length === 0) return tell(NOTHING)
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
  for (const mail of mails) process.stdout.write(describeTrace(mail, jobOf(mail.mailId), mailWords(mail)))
  for (const event of events) process.stdout.write(describeTrace(event, jobOf(event.eventId), eventWords(event)))
  if (Math.max(mails.length, events.length) === MAX_TRACES)
    tell(`These are the ${MAX_TRACES} newest of a kind; there may be more.`)
  return 0
}

const tell = (sentence: string): number => {
  process.stderr.write(`${sentence}\n`)
  return 1
}

outliveReaders(process.stdout, process.stderr)
const [wanted, ...others] = process.argv.slice(2)
if (!wanted || others.length > 0) {
  process.stderr.write(USAGE)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await trace(wanted)
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`)
    else if (isDatabaseUnavailable(error) && !process.stdout.errored) process.stderr.write(`${DATABASE_AWAY}\n`)
    // What could not be written to who is gone is no fault to tell of.
    else if (!process.stdout.errored) throw error
    process.exitCode = 1
  }
}
