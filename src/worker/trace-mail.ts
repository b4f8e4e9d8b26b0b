import { isDatabaseUnavailable } from '../core/postgres/connection/unavailable.ts'
import { ConfigError } from '../core/process/config.ts'
import { outliveReaders } from './operators/closed-pipes.ts'
import { runTraceCommand } from './operators/trace-command.ts'

const USAGE = `node src/worker/trace-mail.ts <mail id | event id | request id | reference | registration id>
Tells what became of a mail or an event. Needs the worker's DATABASE_URL, DATABASE_DIRECT_URL and REDIS_URL.
`
const DATABASE_AWAY = 'The database cannot be asked. Is DATABASE_URL right, and is PostgreSQL running?'

const output = {
  print: (text: string) => void process.stdout.write(text),
  tell: (sentence: string) => void process.stderr.write(`${sentence}\n`),
}

outliveReaders(process.stdout, process.stderr)
const [wanted, ...others] = process.argv.slice(2)
if (!wanted || others.length > 0) {
  process.stderr.write(USAGE)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await runTraceCommand(wanted, process.env, output)
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`)
    else if (isDatabaseUnavailable(error) && !process.stdout.errored) process.stderr.write(`${DATABASE_AWAY}\n`)
    // What could not be written to who is gone is no fault to tell of.
    else if (!process.stdout.errored) throw error
    process.exitCode = 1
  }
}
