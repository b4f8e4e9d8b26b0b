import pg from 'pg'
import { inSpan } from '../process/telemetry/tracing.ts'
import { announce, announceBehind } from './announce.ts'
import { inOnePacket } from './connection/one-packet.ts'
import { retryOnConflict } from './connection/retry-on-conflict.ts'
import { isConflict, isDatabaseUnavailable } from './connection/unavailable.ts'
import { asError, type Pool, type Send } from './pool.ts'

declare const inTransaction: unique symbol

/**
 * A connection inside an open transaction; the brand keeps a pool or a bare client out. `announce` wakes who listens on a channel, as soon
 * as it has committed.
 */
export type Tx = { readonly query: Send; announce(channel: string): void; readonly [inTransaction]: true }

export type Queryable = Pool | Tx

/**
 * Commits what `statements` did, or nothing of it when it throws; what it returns or throws is passed on. When another transaction was
 * in its way (40001, 40P01) all of it runs again, so `statements` does nothing else than statements.
 */
export const transaction = <Result>(pool: Pool, statements: (tx: Tx) => Promise<Result>): Promise<Result> =>
  inSpan('transaction', { kind: 'internal', attributes: { 'db.system.name': 'postgresql' } }, () =>
    retryOnConflict(pool.outages, () => commitOrRollBack(pool, statements)),
  )

const commitOrRollBack = async <Result>(pool: Pool, statements: (tx: Tx) => Promise<Result>): Promise<Result> => {
  const client = await pool.connect()
  let broken: Error | undefined
  let told: Promise<unknown> | undefined
  try {
    inOnePacket(client)
    const begun = client.query(pool.begin)
    begun.catch(() => {})
    const channels = new Set<string>()
    const result = await statements(asTx(client, begun, (channel) => channels.add(channel)))
    await begun
    inOnePacket(client)
    const committed = client.query('commit')
    // Behind a pooler what follows a commit may reach another session, and be sooner.
    const { sent, left } = announceBehind(pool, channels, pool.isPooled ? null : client)
    told = sent
    await committed
    for (const channel of left) void announce(pool, channel)
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
    if (told && !broken) void told.then(() => client.release())
    else client.release(broken)
  }
}

/** Runs `statements` so that their failure undoes only them, and gives null, when PostgreSQL refuses with `sqlState`. */
export const unlessRefused = async <Result>(
  tx: Tx,
  sqlState: string,
  statements: () => Promise<Result>,
): Promise<Result | null> => {
  const saved = tx.query('savepoint unless_refused')
  saved.catch(() => {})
  try {
    return await statements()
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== sqlState) throw error
    await tx.query('rollback to savepoint unless_refused')
    return null
  }
}

/** The first statement is sent behind `begin`, without a wait, and told only when that has worked. */
const asTx = (client: pg.PoolClient, begun: Promise<unknown>, announceLater: Tx['announce']): Tx => {
  const query: Send = async (statement, values) => {
    inOnePacket(client)
    const sent = client.query(statement, values)
    sent.catch(() => {})
    await begun
    return sent
  }
  const tx = { query, announce: announceLater }
  const isInTransaction = (value: Omit<Tx, typeof inTransaction>): value is Tx => value === tx
  if (!isInTransaction(tx)) throw new Error('unreachable')
  return tx
}
