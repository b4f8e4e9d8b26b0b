import pg from 'pg'
import { deleteBatch } from './connection/delete-batch.ts'
import type { Pool } from './pool.ts'
import type { Queryable } from './transaction.ts'

/** A counter that is spent, and how long its window is, from the first event on. */
export type Counter = { key: string; seconds: number }

/** What a counter stands at in its window, and how long that lasts yet. */
export type Counted = { key: string; spent: number; msLeft: number }

/** What a request may spend: its counters, and who says when that is too much. A use case looks and spends, and throws what this throws. */
export type Allowance = {
  /** One event is counted in each; they are distinct. */
  readonly counters: readonly Counter[]
  /** The keys of older secrets: what was counted there counts too. */
  readonly older: readonly string[]
  /** Throws when nothing is left. */
  refuseUsedUp(looked: Counted[]): void
  /** Throws when what was just spent was one too many. */
  refuseOverspent(counted: Counted[]): void
  /** What each counter may stand at, in their order, beside what is counted under the keys of older secrets. */
  maximaOf(looked: Counted[]): number[]
}

/** For whoever may do as he likes, such as an operator. */
export const UNLIMITED: Allowance = {
  counters: [],
  older: [],
  refuseUsedUp: () => {},
  refuseOverspent: () => {},
  maximaOf: () => [],
}

/** The keys to look at. */
export const keysOf = ({ counters, older }: Allowance): string[] => [...counters.map(({ key }) => key), ...older]

/** Throws when nothing is left, and gives what the counters stand at; one statement, or none without counters. */
export const checkAllowance = async (db: Queryable, allowance: Allowance): Promise<Counted[]> => {
  const keys = keysOf(allowance)
  if (keys.length === 0) return []
  const looked = await lookAtCounters(db, keys)
  allowance.refuseUsedUp(looked)
  return looked
}

/** Spends one of each, and throws when that was one too many: in a transaction, what is rolled back was not spent. */
export const spendAllowance = async (db: Queryable, allowance: Allowance): Promise<Counted[]> => {
  if (allowance.counters.length === 0) return []
  const counted = await countEvent(db, allowance)
  allowance.refuseOverspent(counted)
  return counted
}

const NOW_MS = '(extract(epoch from now()) * 1000)::bigint'

const COUNTED = `json_build_object('key', key, 'spent', points, 'msLeft', (expire - ${NOW_MS})::float8)`

/** SQL for `Counted[]` of the keys in this parameter, to be selected beside a row: the look at what is left shares its statement. */
export const countedSql = (parameter: string): string =>
  `(select coalesce(json_agg(${COUNTED}), '[]')
       from rate_limits
       where key = any(${parameter}::text[]) and expire > ${NOW_MS})`

/** The counters among these whose window is not over. */
export const lookAtCounters = async (db: Queryable, keys: string[]): Promise<Counted[]> => {
  const found = await db.read<Counted>(
    `select key, points as spent, (expire - ${NOW_MS})::float8 as "msLeft"
     from rate_limits
     where key = any($1) and expire > ${NOW_MS}`,
    [keys],
  )
  return found.rows
}

/**
 * Part of a statement: counts one event in each of the counters `asked`, a relation of `key`, `seconds` and `most`. In one order, so that
 * nobody waits for somebody who waits for him. A counter that would pass its `most` is refused, and with it the statement
 * (`isOverspent`); null is no end.
 */
const counting = (asked: string): string =>
  `insert into rate_limits as counter (key, points, expire, most)
       select key, 1, ${NOW_MS} + seconds * 1000, most
       from ${asked}
       order by key
       on conflict (key) do update
       set points = case when counter.expire > ${NOW_MS} then counter.points + 1 else 1 end,
         expire = case when counter.expire > ${NOW_MS} then counter.expire else excluded.expire end,
         most = excluded.most
       returning key, points, expire`

/** Counts one event in each counter, and looks at the older ones. Whoever counts in the same ones at once gets another number. */
export const countEvent = async (
  db: Queryable,
  { counters, older }: Pick<Allowance, 'counters' | 'older'>,
): Promise<Counted[]> => {
  const counted = await db.query<Counted>(
    `with counted as (
       ${counting('(select key, seconds, null::integer as most from unnest($1::text[], $2::bigint[]) as given (key, seconds)) as asked')}
     )
     select key, points as spent, (expire - ${NOW_MS})::float8 as "msLeft"
     from counted
     union all
     select key, points, (expire - ${NOW_MS})::float8
     from rate_limits
     where key = any($3) and expire > ${NOW_MS}`,
    [counters.map(({ key }) => key), counters.map(({ seconds }) => seconds), older],
  )
  return counted.rows
}

/** What one event spends, as parameters of a statement with `spendingSql`. */
export type Spending = { keys: string[]; seconds: number[]; maxima: number[] }

/** What is spent after a look; more than is left is refused by PostgreSQL. */
export const spendingOf = (allowance: Allowance, looked: Counted[]): Spending => ({
  keys: allowance.counters.map(({ key }) => key),
  seconds: allowance.counters.map(({ seconds }) => seconds),
  maxima: allowance.maximaOf(looked),
})

/**
 * A common table expression `counted` that spends the three parameters once for each row of `spender`, and `Counted[]` of it. So a statement
 * that spends more than is left does nothing else either.
 */
export const spendingSql = (spender: string, [keys, seconds, maxima]: [string, string, string]): string =>
  `counted as (
       ${counting(`${spender}, unnest(${keys}::text[], ${seconds}::bigint[], ${maxima}::integer[]) as asked (key, seconds, most)`)}
     ), spent as (
       select coalesce(json_agg(${COUNTED}), '[]') as counted
       from counted
     )`

/** Whether a statement failed as one of its counters would have passed what it may stand at. */
export const isOverspent = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.constraint === 'rate_limits_within_most'

/** Removes counters whose window is over. */
export const deleteExpiredCounters = (pool: Pool, limit: number): Promise<number> =>
  deleteBatch(pool, { table: 'rate_limits', where: `expire <= ${NOW_MS}`, by: 'expire' }, limit)
