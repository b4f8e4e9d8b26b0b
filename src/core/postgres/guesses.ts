import type { Budget } from '../process/config.ts'
import { deleteBatch } from './connection/delete-batch.ts'
import { lockSql } from './connection/installation.ts'
import { rowOf } from './connection/row-of.ts'
import type { Pool } from './pool.ts'
import type { Queryable, Tx } from './transaction.ts'

/** Holds back other guesses at this mailbox until the transaction ends. */
export const lockMailbox = async (tx: Tx, mailboxKey: Buffer): Promise<void> => {
  await tx.query(`select pg_advisory_xact_lock(${lockSql('$1')})`, [mailboxKey.readBigInt64BE().toString()])
}

export const insertGuess = async (tx: Tx, mailboxKey: Buffer): Promise<void> => {
  await tx.query('insert into guesses (mailbox_key) values ($1)', [mailboxKey])
}

/** SQL for whether a budget is used up by the wrong guesses at a mailbox, given the parameters of its keys and of the budgets. */
export const guessedOutSql = (mailboxKeys: string, maxima: string, seconds: string): string =>
  `(select coalesce(bool_or(budget.max <= (
         select count(*)
         from guesses
         where mailbox_key = any(${mailboxKeys}::bytea[]) and at > now() - make_interval(secs => budget.seconds)
       )), false)
       from unnest(${maxima}::integer[], ${seconds}::integer[]) as budget (max, seconds))`

/** Tells whether one of the budgets is used up by the wrong guesses under these keys (one mailbox under several secrets). */
export const isMailboxGuessedOut = async (
  db: Queryable,
  mailboxKeys: Buffer[],
  budgets: Budget[],
): Promise<boolean> => {
  const found = await db.query<{ isOut: boolean }>(`select ${guessedOutSql('$1', '$2', '$3')} as "isOut"`, [
    mailboxKeys,
    budgets.map((budget) => budget.max),
    budgets.map((budget) => budget.seconds),
  ])
  return rowOf(found.rows).isOut
}

// What honest people mistype in an hour: so many codes, or one of five that are typed.
const HONEST_WRONG_CODES = 50
const RIGHT_FOR_EACH_WRONG = 4

/** What decides how long a new code is: the mailbox under each secret, its budgets, and whether a surge is on when that is known. */
export type Guessing = { mailboxKeys: Buffer[]; budgets: Budget[]; isSurge: boolean | null }

/** Wrong codes of the last hour over all mailboxes, null when they were not counted, and whether they are more than honest people type. */
export type MeasuredSurge = { wrongCodes: number | null; isSurge: boolean }

/**
 * The common table expression `surge`, given the parameter of what is known of it, which is not measured again. Activations are
 * counted only when the wrong codes are many, and no further than it takes.
 */
export const surgeSql = (isSurge: string): string =>
  `surge as (
       select case when ${isSurge} is null then codes end as "wrongCodes",
         coalesce(${isSurge}, codes > ${HONEST_WRONG_CODES} and ${RIGHT_FOR_EACH_WRONG} * codes > (
           select count(*)
           from (
             select
             from users
             where activated_at > now() - interval '1 hour'
             limit ${RIGHT_FOR_EACH_WRONG} * codes
           ) as activated
         )) as "isSurge"
       from (
         select count(*)::integer as codes
         from guesses
         where ${isSurge}::boolean is null and at > now() - interval '1 hour'
       ) as wrong
     )`

/** The same and `guessed`, whether one of the mailbox's budgets is used up, with the parameters $1 to $4 that `guessingValues` gives. */
export const GUESSING = `guessed as (
       select ${guessedOutSql('$1', '$2', '$3')} as "isOut"
     ), ${surgeSql('$4')}`

export const guessingValues = ({ mailboxKeys, budgets, isSurge }: Guessing): unknown[] => [
  mailboxKeys,
  budgets.map(({ max }) => max),
  budgets.map(({ seconds }) => seconds),
  isSurge,
]

/** Whether the mailbox is guessed out, and whether a surge is on, in one look. */
export const readGuessing = async (db: Queryable, guessing: Guessing): Promise<MeasuredSurge & { isOut: boolean }> => {
  const found = await db.query<MeasuredSurge & { isOut: boolean }>(
    `with ${GUESSING}
     select "isOut", "wrongCodes", "isSurge"
     from guessed, surge`,
    guessingValues(guessing),
  )
  return rowOf(found.rows)
}

/** Removes guesses that count in no budget any more. */
export const deleteOldGuesses = (pool: Pool, limit: number): Promise<number> =>
  deleteBatch(pool, { table: 'guesses', where: "at <= now() - interval '365 days'", by: 'at' }, limit)
