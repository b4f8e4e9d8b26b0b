import pg from 'pg'
import { inSpan } from '../process/telemetry/tracing.ts'
import { announce, announceBehind, joined, type News } from './announce.ts'
import type { AnnouncedRow } from './announced-rows.ts'
import { inOnePacket } from './connection/one-packet.ts'
import { retryOnConflict } from './connection/retry-on-conflict.ts'
import { isConflict, isDatabaseUnavailable } from './connection/unavailable.ts'
import type { OutboxTable } from './outbox/outbox-rows.ts'
import { asError, type Pool, type Send } from './pool.ts'

const inTransaction = Symbol()

/**
 * A connection inside an open transaction; the brand keeps a pool or a bare client out. `announce` tells the relays of a table's new
 * row, by name if it is known, as soon as it has committed.
 */
export type Tx = {
  readonly query: Send
  /** The same here: no other connection sees what the transaction did. */
  readonly read: Send
  announce(table: OutboxTable, row?: AnnouncedRow): void
  readonly [inTransaction]: true
}

export type Queryable = Pool | Tx

/**
 * Commits what `statements` did, or nothing of it when it throws; what it returns or throws is passed on. When another transaction was
 * in its way (40001, 40P01) all of it runs again, so `statements` does nothing else than statements.
 */
export const transaction = <Result>(pool: Pool, statements: (tx: Tx) => Promise<Result>): Promise<Result> =>
  tried(pool, () => commitOrRollBack(pool, statements))

/**
 * The same for statements none of which waits for another's answer: they leave with begin and commit in one packet, and what they lock is
 * locked no longer than they run. PostgreSQL undoes all of them when it refuses one; what is thrown after their answers undoes nothing.
 */
export const transactionAtOnce = <Result>(pool: Pool, statements: (tx: Tx) => Promise<Result>): Promise<Result> =>
  tried(pool, () => commitAtOnce(pool, statements))

const tried = <Result>(pool: Pool, work: () => Promise<Result>): Promise<Result> =>
  inSpan('transaction', { kind: 'internal', attributes: { 'db.system.name': 'postgresql' } }, () =>
    retryOnConflict(pool.outages, work),
  )

const commitOrRollBack = async <Result>(pool: Pool, statements: (tx: Tx) => Promise<Result>): Promise<Result> => {
  const client = await pool.connect()
  let broken: Error | undefined
  let told: Promise<unknown> | undefined
  try {
    const { tx, begun, commit } = begin(pool, client)
    const result = await statements(tx)
    await begun
    const { committed, announced } = commit()
    told = announced
    await committed
    return result
  } catch (error) {
    broken = breakage(error)
    if (!broken)
      await client.query('rollback').catch((failure: unknown) => {
        broken = asError(failure)
      })
    throw error
  } finally {
    giveBack(client, told, broken)
  }
}

const commitAtOnce = async <Result>(pool: Pool, statements: (tx: Tx) => Promise<Result>): Promise<Result> => {
  const client = await pool.connect()
  const { tx, begun, commit } = begin(pool, client)
  const done = statements(tx)
  const { committed, announced } = commit()
  // What follows the first failure says only that there was one.
  const failure = (await Promise.allSettled([begun, done, committed])).find((end) => end.status === 'rejected')
  giveBack(client, announced, failure && breakage(failure.reason))
  if (failure) throw failure.reason
  return done
}

/** A connection that gives no answer would not answer to a rollback either; ending it rolls back too. */
const breakage = (error: unknown): Error | undefined =>
  isDatabaseUnavailable(error) && !isConflict(error) ? asError(error) : undefined

const giveBack = (client: pg.PoolClient, told: Promise<unknown> | undefined, broken: Error | undefined): void => {
  if (told && !broken) void told.then(() => client.release())
  else client.release(broken)
}

type Begun = { tx: Tx; begun: Promise<unknown>; commit(): { committed: Promise<unknown>; announced: Promise<unknown> } }

/** The first statements are sent behind `begin`, without a wait, and told only when that has worked; none is after `commit`. */
const begin = (pool: Pool, client: pg.PoolClient): Begun => {
  inOnePacket(client)
  const begun = client.query(pool.begin)
  begun.catch(() => {})
  const news: News = new Map()
  let isOver = false
  const query: Send = async (statement, values) => {
    if (isOver) throw new Error('a statement after the commit')
    inOnePacket(client)
    const sent = client.query(statement, values)
    sent.catch(() => {})
    await begun
    return sent
  }
  const commit = () => {
    isOver = true
    inOnePacket(client)
    const committed = client.query('commit')
    // Behind a pooler what follows a commit may reach another session, and be sooner.
    const { sent, left } = announceBehind(pool, news, pool.isPooled ? null : client)
    committed.then(
      () => left.forEach((rows, table) => void announce(pool, table, rows)),
      () => {},
    )
    return { committed, announced: sent }
  }
  const announceRow = (table: OutboxTable, row?: AnnouncedRow): void => {
    news.set(table, joined(news.get(table), row ? [row] : null))
  }
  const tx: Tx = { query, read: query, announce: announceRow, [inTransaction]: true }
  return { tx, begun, commit }
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
