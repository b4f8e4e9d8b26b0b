import type { Pool } from '../pool.ts'

/** Removes what is older than two years. */
export const deleteOldAuditRows = async (pool: Pool, limit: number): Promise<number> => {
  const deleted = await pool.query(
    `delete from audit
     where id = any (array(
       select id
       from audit
       where at <= now() - interval '2 years'
       limit $1
     ))`,
    [limit],
  )
  return deleted.rowCount ?? 0
}
