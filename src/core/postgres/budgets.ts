import type { Pool, Queryable } from './pool.ts'

/** A counter that is spent, and how long its window is, from the first event on. */
export type Counter = { key: string; seconds: number }

/** What a counter stands at in its window, and how long that lasts yet. */
export type Counted = { key: string; spent: number; msLeft: number }

const NOW_MS = '(extract(epoch from now()) * 1000)::bigint'

/** The counters among these whose window is not over. */
export const lookAtCounters = async (db: Queryable, keys: string[]): Promise<Counted[]> => {
  const found = await db.query<Counted>(
    `select key, points as spent, (expire - ${NOW_MS})::float8 as "msLeft"
     from rate_limits
     where key = any($1) and expire > ${NOW_MS}`,
    [keys],
  )
  return found.rows
}

/**
 * Counts one event in each of `counters`, which are distinct, and looks at the `others`. Whoever counts in the same ones at once gets another number.
 * In one order, so that nobody waits for somebody who waits for him.
 */
export const countEvent = async (db: Queryable, counters: Counter[], others: string[]): Promise<Counted[]> => {
  const counted = await db.query<Counted>(
    `with counted as (
       insert into rate_limits as counter (key, points, expire)
       select key, 1, ${NOW_MS} + seconds * 1000
       from unnest($1::text[], $2::bigint[]) as asked (key, seconds)
       order by key
       on conflict (key) do update
       set points = case when counter.expire > ${NOW_MS} then counter.points + 1 else 1 end,
         expire = case when counter.expire > ${NOW_MS} then counter.expire else excluded.expire end
       returning key, points, expire
     )
     select key, points as spent, (expire - ${NOW_MS})::float8 as "msLeft"
     from counted
     union all
     select key, points, (expire - ${NOW_MS})::float8
     from rate_limits
     where key = any($3) and expire > ${NOW_MS}`,
    [counters.map(({ key }) => key), counters.map(({ seconds }) => seconds), others],
  )
  return counted.rows
}

/** Removes counters whose window is over. */
export const deleteExpiredCounters = async (pool: Pool, limit: number): Promise<number> => {
  const deleted = await pool.query(
    `delete from rate_limits
     where key in (
       select key
       from rate_limits
       where expire <= ${NOW_MS}
       limit $1
       for update skip locked
     )`,
    [limit],
  )
  return deleted.rowCount ?? 0
}
