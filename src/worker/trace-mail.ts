import { isDatabaseUnavailable } from '../core/postgres/connection/unavailable.ts'
import { findMailTraces } from '../core/postgres/outbox/mail-traces.ts'
import { createPool } from '../core/postgres/pool.ts'
import { ConfigError, readConfig } from '../core/process/config.ts'
import { createLogger } from '../core/process/logger.ts'
import { coreSettings, directUrlOf } from '../core/process/settings.ts'
import { queueSettings } from './config.ts'
import { readJobTraces } from './operators/job-trace.ts'
import { describeMailTrace } from './operators/mail-trace.ts'

const USAGE = `node src/worker/trace-mail.ts <mail id | request id | reference | registration id>
Tells what became of a mail. Needs the worker's DATABASE_URL, DATABASE_DIRECT_URL and REDIS_URL.
`
const DATABASE_AWAY = 'The database cannot be asked. Is DATABASE_URL right, and is PostgreSQL running?'
const MAX_TRACES = 20

/** Prints the traces of all mails that `wanted` names, and returns the exit code. */
const traceMail = async (wanted: string): Promise<number> => {
  const config = readConfig({ ...coreSettings, ...queueSettings }, process.env)
  const logger = createLogger('silent', 'trace-mail')
  const databaseUrl = directUrlOf(config)
  const pool = createPool(databaseUrl, { max: 1, name: 'latchkey-trace-mail', logger })
  const mails = await findMailTraces(pool, wanted, MAX_TRACES).finally(() => pool.end())
  if (mails.length === 0) {
    process.stderr.write('No mail has this id, request, reference or registration; settled ones are kept for 7 days.\n')
    return 1
  }
  const jobs = await readJobTraces(
    {
      redisUrl: config.REDIS_URL,
      databaseUrl,
      schema: config.DATABASE_SCHEMA,
      prefix: config.QUEUE_PREFIX,
    },
    mails.map(({ mailId }) => mailId),
  )
  const where = config.REDIS_URL === undefined ? 'PostgreSQL' : 'Redis'
  if (jobs === 'unreachable')
    process.stderr.write(
      `The queue in ${where} cannot be reached; this is what the rows tell. Is REDIS_URL the worker's?\n`,
    )
  for (const [index, mail] of mails.entries())
    process.stdout.write(describeMailTrace(mail, jobs === 'unreachable' ? jobs : (jobs[index] ?? null)))
  if (mails.length === MAX_TRACES) process.stderr.write(`These are the ${MAX_TRACES} newest; there may be more.\n`)
  return 0
}

const [wanted, ...others] = process.argv.slice(2)
if (!wanted || others.length > 0) {
  process.stderr.write(USAGE)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await traceMail(wanted)
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`)
    else if (isDatabaseUnavailable(error)) process.stderr.write(`${DATABASE_AWAY}\n`)
    else throw error
    process.exitCode = 1
  }
}
