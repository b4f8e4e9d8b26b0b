import pg from 'pg'
import type { Logger } from '../process/logger.ts'
import { createOutageLog, type OutageLog } from '../process/outage-log.ts'
import { inOnePacket } from './connection/one-packet.ts'
import { openPipelines } from './connection/pipelines.ts'
import { prepareStatements } from './connection/prepared-statements.ts'
import { retryOnConflict } from './connection/retry-on-conflict.ts'
import { rowOf } from './connection/row-of.ts'
import { beginStatement, withSession } from './connection/session.ts'
import { isDatabaseUnavailable } from './connection/unavailable.ts'

/**
 * Runs statements outside a transaction, each on any connection: `query` on one for itself, `pipelined` and `read` behind others, for many that take
 * about a millisecond each; what `read` sends writes nothing. `begin` is how one begins a transaction on it.
 */
export type Pool = Omit<pg.Pool, 'query'> & {
  readonly query: Send
  readonly pipelined: Send
  readonly read: Send
  readonly begin: string
  readonly isPooled: boolean
  readonly outages: OutageLog
}

const CONNECT_TIMEOUT_MS = 3000
const STATEMENT_TIMEOUT_MS = 5000
// A frozen server or a silent network: nobody but the client notices.
const ANSWER_TIMEOUT_MS = 7000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
// A server that is gone without a word is noticed after this and ten seconds of probes.
export const KEEP_ALIVE_DELAY_MS = 10_000
// Connections find their way to a new primary, or are shared out anew, without a restart.
const MAX_LIFETIME_SECONDS = 600

const LIMITS = {
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
}

const MESSAGES = {
  begins: 'PostgreSQL is unavailable: requests are refused and nothing of them is stored, mails wait',
  ends: 'PostgreSQL works again',
}

type PoolOptions = {
  max: number
  name: string
  logger: Logger
  schema?: string
  isPooled?: boolean
  outages?: OutageLog
  isDisposable?: boolean
}

/**
 * Opens no connection before the first statement. A lost connection is replaced, never fatal; an outage is two lines in the log. What role and
 * database have as defaults does not count. `isPooled`: behind PgBouncer or the like, which gives each transaction to another
 * session and refuses settings of one; there every statement is a transaction that makes its own. Without `schema` the URL decides.
 * `isDisposable`: what the last second wrote may be lost with the server, so commits do not wait for the disk.
 */
export const createPool = (databaseUrl: string, options: PoolOptions): Pool => {
  const pool = new pg.Pool({
    connectionString: options.isPooled
      ? databaseUrl
      : withSession(databaseUrl, options.schema, options.isDisposable ? ['synchronous_commit=off'] : []),
    max: options.max,
    application_name: options.name,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    // What is asked for without a wait leaves without one.
    pipeline: true,
    ...(options.isPooled ? {} : LIMITS),
  })
  const outages = options.outages ?? createOutageLog(options.logger, MESSAGES)
  pool.on('error', (err) => options.logger.debug({ err, pool: options.name }, 'an idle connection was lost'))
  // A client that is checked out reports its loss itself, and without a listener that would end the process.
  pool.on('connect', (client) => {
    client.on('error', () => {})
    if (!options.isPooled) prepareStatements(client)
  })
  const begin = beginningOf(options)
  const send: Send = options.isPooled ? queryInTransaction(pool, begin) : pool.query.bind(pool)
  const retried =
    (one: Send): Send =>
    (statement, values) =>
      retryOnConflict(outages, () => one(statement, values))
  const behindOthers = (isDisposable?: boolean): Send =>
    retried(options.isPooled ? send : openPipelines(pool, isDisposable))
  return Object.assign(pool, {
    begin,
    isPooled: options.isPooled ?? false,
    outages,
    query: retried(send),
    pipelined: behindOthers(options.isDisposable),
    // Nothing of what is only read has to be on the disk.
    read: behindOthers(true),
  })
}

const beginningOf = ({ isPooled, schema }: PoolOptions): string =>
  beginStatement(
    isPooled && {
      schema,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      idleTimeoutMs: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
  )

export type Send = <Row extends pg.QueryResultRow = pg.QueryResultRow>(
  statement: string,
  values?: unknown[],
) => Promise<pg.QueryResult<Row>>

/** Sends a statement in a transaction of its own, in one round trip. */
const queryInTransaction =
  (pool: pg.Pool, begin: string): Send =>
  async <Row extends pg.QueryResultRow>(statement: string, values?: unknown[]) => {
    const client = await pool.connect()
    inOnePacket(client)
    const sent = [client.query(begin), client.query<Row>(statement, values), client.query('commit')] as const
    // What follows the first failure says only that there was one.
    const failure = (await Promise.allSettled(sent)).find((end) => end.status === 'rejected')
    client.release(failure && isDatabaseUnavailable(failure.reason) ? asError(failure.reason) : undefined)
    if (failure) throw failure.reason
    return sent[1]
  }

/** Rejects when PostgreSQL does not answer, on this connection or on any of a pool. */
export const ping = async (connection: { query(statement: string): Promise<unknown> }): Promise<void> => {
  await connection.query('select 1')
}

/** Whether PostgreSQL answers but takes no writes: a standby, or a primary that was told so. */
export const isReadOnly = async (pool: Pool): Promise<boolean> => {
  const found = await pool.query<{ is: boolean }>("select current_setting('transaction_read_only')::boolean as is")
  return rowOf(found.rows).is
}

export const asError = (value: unknown): Error => (value instanceof Error ? value : new Error('not an Error'))
