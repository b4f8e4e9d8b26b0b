import type { Budget } from '../process/config.ts'
import { lockSql } from './connection/installation.ts'
import type { Pool, Queryable, Tx } from './pool.ts'

/** Holds back other guesses at this mailbox until the transaction ends. */
export const lockMailbox = async (tx: Tx, mailboxKey: Buffer): Promise<void> => {
  await tx.query(`select pg_advisory_xact_lock(${lockSql('$1')})`, [mailboxKey.readBigInt64BE().toString()])
}

export const insertGuess = async (tx: Tx, mailboxKey: Buffer): Promise<void> => {
  await tx.query('insert into guesses (mailbox_key) values ($1)', [mailboxKey])
}

/** Tells whether one of the budgets is used up by the wrong guesses under these keys (one mailbox under several secrets). */
export const isMailboxGuessedOut = async (
  db: Queryable,
  mailboxKeys: Buffer[],
  budgets: Budget[],
): Promise<boolean> => {
  const found = await db.query<{ isOut: boolean }>(
    `select coalesce(bool_or(budget.max <= (
       select count(*)
       from guesses
       where mailbox_key = any($1) and at > now() - make_interval(secs => budget.seconds)
     )), false) as "isOut"
     from unnest($2::integer[], $3::integer[]) as budget (max, seconds)`,
    [mailboxKeys, budgets.map((budget) => budget.max), budgets.map((budget) => budget.seconds)],
  )
  return found.rows[0]?.isOut ?? false
}

/** Wrong codes of the last hour, over all mailboxes. */
export const countWrongCodes = async (db: Queryable): Promise<number> => {
  const counted = await db.query<{ count: number }>(
    `select count(*)::integer as count
     from guesses
     where at > now() - interval '1 hour'`,
  )
  return counted.rows[0]?.count ?? 0
}

/** Removes guesses that count in no budget any more. */
export const deleteOldGuesses = async (pool: Pool, limit: number): Promise<number> => {
  const deleted = await pool.query(
    `delete from guesses
     where ctid = any (array(
       select ctid
       from guesses
       where at <= now() - interval '365 days'
       limit $1
     ))`,
    [limit],
  )
  return deleted.rowCount ?? 0
}
