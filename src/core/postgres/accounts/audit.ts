import { deleteBatch } from '../connection/delete-batch.ts'
import type { Pool } from '../pool.ts'
import type { Queryable } from '../transaction.ts'

/** `who`: the operating system's user. `userIds`: registrations that it was about. No addresses. */
export type AuditRow = { who: string; what: string; why: string | null; userIds: string[] }

export const insertAuditRow = async (db: Queryable, row: AuditRow): Promise<void> => {
  await db.query('insert into audit (who, what, why, user_ids) values ($1, $2, $3, $4)', [
    row.who,
    row.what,
    row.why,
    row.userIds,
  ])
}

/** Removes what is older than two years. */
export const deleteOldAuditRows = (pool: Pool, limit: number): Promise<number> =>
  deleteBatch(pool, { table: 'audit', where: "at <= now() - interval '2 years'", by: 'at' }, limit)
