import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from '../../process/logger.ts'
import { rowOf } from './row-of.ts'
import { withSession } from './session.ts'

/** For so long others wait behind a statement that waits for its lock. */
export const LOCK_TIMEOUT_MS = 500
const CONNECT_TIMEOUT_MS = 3000
const PAUSE_MS = 1000
const PATIENCE_MS = 600_000

/**
 * Repeats what changes tables until it gets its locks, for ten minutes. Whoever waits for a lock makes all others wait behind it,
 * so no try waits longer than `LOCK_TIMEOUT_MS` (see `toChangeTables`), and between them the others go on.
 */
export const untilLocked = async <Result>(logger: Logger, change: () => Promise<Result>): Promise<Result> => {
  const end = performance.now() + PATIENCE_MS
  for (let tries = 1; ; tries += 1) {
    try {
      return await change()
    } catch (error) {
      if (!isLockTimeout(error) || performance.now() > end) throw error
      if (tries === 1) logger.info('a table is in use: its change is tried again every second or two')
    }
    await sleep(PAUSE_MS * (1 + Math.random()))
  }
}

const isLockTimeout = (error: unknown): boolean =>
  error instanceof Error && (('code' in error && error.code === '55P03') || isLockTimeout(error.cause))

/** The way to a session that waits half a second for a lock, and for a statement as long as it takes. */
const toChangeTables = (databaseUrl: string, schema: string): string =>
  withSession(databaseUrl, schema, [`lock_timeout=${LOCK_TIMEOUT_MS}`, 'statement_timeout=0'])

/** Gives `work` a connection of that kind, and ends it. */
export const withChangingClient = async <Result>(
  databaseUrl: string,
  schema: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> => {
  const client = new pg.Client({
    connectionString: toChangeTables(databaseUrl, schema),
    application_name: 'latchkey-migrate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** BullMQ makes the sequence of a queue's ids with its first job, for which a role would need CREATE: made before, it is only used. */
export const makeJobSequences = async (client: pg.Client, queues: string[]): Promise<void> => {
  for (const queue of queues) await client.query('select next_job_id($1)', [queue])
}

/** To make one that is there already needs a right that is not needed otherwise. */
export const hasSchema = async (client: pg.Client, schema: string): Promise<boolean> => {
  const found = await client.query<{ is: boolean }>('select to_regnamespace($1) is not null as is', [schema])
  return rowOf(found.rows).is
}
