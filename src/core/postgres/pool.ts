import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from '../process/logger.ts'
import { createOutageLog, type OutageLog } from '../process/outage-log.ts'
import { inSpan } from '../process/telemetry/tracing.ts'
import { prepareStatements } from './connection/prepared-statements.ts'
import { beginStatement, withSession } from './connection/session.ts'

declare const inTransaction: unique symbol

/** Runs statements outside a transaction, each on any connection. `begin` is how one begins a transaction on it. */
export type Pool = pg.Pool & { readonly begin: string; readonly outages: OutageLog }

/** A connection inside an open transaction; the brand keeps a pool or a bare client out. */
export type Tx = Pick<pg.PoolClient, 'query'> & { readonly [inTransaction]: true }

export type Queryable = Pool | Tx

const CONNECT_TIMEOUT_MS = 3000
const STATEMENT_TIMEOUT_MS = 5000
// A frozen server or a silent network: nobody but the client notices.
const ANSWER_TIMEOUT_MS = 7000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
// A server that is gone without a word is noticed after this and ten seconds of probes.
export const KEEP_ALIVE_DELAY_MS = 10_000
// Connections find their way to a new primary, or are shared out anew, without a restart.
const MAX_LIFETIME_SECONDS = 600
const CONFLICT_TRIES = 4
const CONFLICT_PAUSE_MS = 50

const LIMITS = {
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
}

const MESSAGES = {
  begins: 'PostgreSQL cannot work now: requests are refused and nothing of them is stored, mails wait',
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
    ...(options.isPooled ? { pipeline: true } : LIMITS),
  })
  const outages = options.outages ?? createOutageLog(options.logger, MESSAGES)
  pool.on('error', (err) => options.logger.debug({ err, pool: options.name }, 'an idle connection was lost'))
  // A client that is checked out reports its loss itself, and without a listener that would end the process.
  pool.on('connect', (client) => {
    client.on('error', () => {})
    if (!options.isPooled) prepareStatements(client)
  })
  const begin = beginStatement(
    options.isPooled && {
      schema: options.schema,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      idleTimeoutMs: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
  )
  const send: Send = options.isPooled ? queryInTransaction(pool, begin) : pool.query.bind(pool)
  const query: Send = (statement, values) => noting(outages, () => send(statement, values))
  return Object.assign(pool, { begin, outages, query })
}

type Send = <Row extends pg.QueryResultRow>(
  statement: string | pg.QueryConfig,
  values?: unknown[],
) => Promise<pg.QueryResult<Row>>

const noting = async <Result>(outages: OutageLog, work: () => Promise<Result>): Promise<Result> => {
  try {
    const result = await againAfterConflicts(work)
    outages.worked()
    return result
  } catch (error) {
    if (isDatabaseUnavailable(error)) outages.failed(error)
    throw error
  }
}

/** What met another transaction was rolled back as a whole, and may well succeed the next time. */
const againAfterConflicts = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (tries === CONFLICT_TRIES || !isConflict(error)) throw error
    }
    await sleep(Math.random() * CONFLICT_PAUSE_MS)
  }
}

const isConflict = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01')

/** Sends a statement in a transaction of its own, in one round trip. */
const queryInTransaction =
  (pool: pg.Pool, begin: string): Send =>
  async <Row extends pg.QueryResultRow>(statement: string | pg.QueryConfig, values?: unknown[]) => {
    const client = await pool.connect()
    const sent = [client.query(begin), client.query<Row>(statement, values), client.query('commit')] as const
    // What follows the first failure says only that there was one.
    const failure = (await Promise.allSettled(sent)).find((end) => end.status === 'rejected')
    client.release(failure && isDatabaseUnavailable(failure.reason) ? asError(failure.reason) : undefined)
    if (failure) throw failure.reason
    return sent[1]
  }

/** Rejects when PostgreSQL does not answer. */
export const ping = async (pool: Pool): Promise<void> => {
  await pool.query('select 1')
}

/** Whether PostgreSQL answers but takes no writes: a standby, or a primary that was told so. */
export const isReadOnly = async (pool: Pool): Promise<boolean> => {
  const found = await pool.query<{ is: boolean }>("select current_setting('transaction_read_only')::boolean as is")
  return found.rows[0]?.is ?? true
}

/**
 * Commits what `statements` did, or nothing of it when it throws; what it returns or throws is passed on. When another transaction was
 * in its way (40001, 40P01) all of it runs again, so `statements` does nothing else than statements.
 */
export const transaction = <Result>(pool: Pool, statements: (tx: Tx) => Promise<Result>): Promise<Result> =>
  inSpan('transaction', { kind: 'internal', attributes: { 'db.system.name': 'postgresql' } }, () =>
    noting(pool.outages, () => commitOrRollBack(pool, statements)),
  )

const commitOrRollBack = async <Result>(pool: Pool, statements: (tx: Tx) => Promise<Result>): Promise<Result> => {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query(pool.begin)
    const result = await statements(asTx(client))
    await client.query('commit')
    return result
  } catch (error) {
    // A connection that gives no answer would not answer this either; ending it rolls back too.
    if (isDatabaseUnavailable(error) && !isConflict(error)) broken = asError(error)
    else
      await client.query('rollback').catch((failure: unknown) => {
        broken = asError(failure)
      })
    throw error
  } finally {
    client.release(broken)
  }
}

/** Runs `statements` so that their failure undoes only them, and gives null, when PostgreSQL refuses with `sqlState`. */
export const unlessRefused = async <Result>(
  tx: Tx,
  sqlState: string,
  statements: () => Promise<Result>,
): Promise<Result | null> => {
  await tx.query('savepoint attempt')
  try {
    return await statements()
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== sqlState) throw error
    await tx.query('rollback to savepoint attempt')
    return null
  }
}

const asError = (value: unknown): Error => (value instanceof Error ? value : new Error('not an Error'))

const asTx = (client: pg.PoolClient): Tx => {
  const isInTransaction = (value: Pick<pg.PoolClient, 'query'>): value is Tx => value === client
  if (!isInTransaction(client)) throw new Error('unreachable')
  return client
}

// Connection exceptions, too many connections, out of resources, shutting down, a statement that took too long, read-only after a
// failover, refused credentials, a database or tables that are not there yet, and others in the way again and again.
const UNAVAILABLE_STATE = /^(08|40001|40P01|53|57P|57014|25006|28|3D000|3F000|42P01)/
const UNAVAILABLE_CODE = /^E(CONN|TIMEDOUT|PIPE|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN|PROTO)/
const UNAVAILABLE_MESSAGE =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|connection timeout|not queryable|Cannot use a pool after|does not support SSL/
// A certificate that is not to be trusted: expired, of another authority, or made out to another name.
const UNTRUSTED_CODE = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/

/** Tells whether an error means that PostgreSQL cannot be reached or cannot work now, so that the same request may succeed later. */
export const isDatabaseUnavailable = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable)
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return (
    UNAVAILABLE_STATE.test(code) ||
    UNAVAILABLE_CODE.test(code) ||
    UNTRUSTED_CODE.test(code) ||
    UNAVAILABLE_MESSAGE.test(error.message)
  )
}
