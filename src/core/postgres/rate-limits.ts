import type { Pool } from './pool.ts'

/** The table in which rate-limiter-flexible counts; the rows are the library's. */
export const RATE_LIMITS_TABLE = 'rate_limits'

/** Removes counters whose window is over. */
export const deleteExpiredCounters = async (pool: Pool, limit: number): Promise<number> => {
  const deleted = await pool.query(
    `delete from rate_limits
     where key in (
       select key
       from rate_limits
       where expire <= extract(epoch from now()) * 1000
       limit $1
       for update skip locked
     )`,
    [limit],
  )
  return deleted.rowCount ?? 0
}
