import type { Pool } from '../pool.ts'

/** Rows of `table` for which `where` holds, the lowest `by` first, which an index should bring. Goes into a statement as it is: never from outside. */
type Old = { table: string; where: string; by: string }

/** Removes up to `limit` of them, and returns how many. Two at once do no harm: each takes what the other has not locked. */
export const deleteBatch = async (pool: Pool, { table, where, by }: Old, limit: number): Promise<number> => {
  const deleted = await pool.query(
    `delete from ${table}
     where ctid = any (array(
       select ctid
       from ${table}
       where ${where}
       order by ${by}
       limit $1
       for update skip locked
     ))`,
    [limit],
  )
  return deleted.rowCount ?? 0
}
