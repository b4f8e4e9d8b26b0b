import type { Checks } from './ops-app.ts'
import { pendingMigrations } from './postgres/migrate.ts'
import { isDatabaseUnavailable, type Pool } from './postgres/pool.ts'

/** Whether PostgreSQL answers and has the tables of this release. */
export const checkDatabase = async (pool: Pool): Promise<Checks> => {
  try {
    const pending = await pendingMigrations(pool)
    return {
      database: 'ok',
      migrations: pending.length === 0 ? 'ok' : `down: ${pending.length} to run with node db/migrate.ts`,
    }
  } catch (error) {
    return { database: isDatabaseUnavailable(error) ? 'down: cannot be reached' : 'down: refuses the statement' }
  }
}
