import { isDatabaseUnavailable } from '../core/postgres/connection/unavailable.ts'
import { ConfigError } from '../core/process/config.ts'
import { outliveReaders } from './operators/closed-pipes.ts'
import { runAccount } from './run-account.ts'

const DATABASE_AWAY = 'The database cannot be asked. Is DATABASE_URL right, and is PostgreSQL running?'

const output = {
  out: process.stdout,
  tell: (sentence: string) => void process.stderr.write(`${sentence}\n`),
}

const isReaderGone = outliveReaders(process.stdout, process.stderr)
try {
  process.exitCode = await runAccount(process.argv.slice(2), process.env, output)
} catch (error) {
  if (error instanceof ConfigError) output.tell(error.message)
  // What could not be written to who is gone is no fault to tell of, and looks as if the database were.
  else if (isReaderGone()) process.exitCode = 1
  else if (isDatabaseUnavailable(error)) output.tell(DATABASE_AWAY)
  else throw error
  process.exitCode = 1
}
