import { setTimeout as sleep } from 'node:timers/promises'
import { isDatabaseUnavailable } from '../../postgres/connection/unavailable.ts'
import { pendingMigrations } from '../../postgres/migrate.ts'
import { isReadOnly, type Pool } from '../../postgres/pool.ts'
import type { Checks } from './ops-app.ts'

const TIMEOUT_MS = 2000

/** Whether PostgreSQL answers, takes writes and has the tables of this release. */
export const checkDatabase = async (pool: Pool): Promise<Checks> => {
  try {
    const asking = Promise.all([isReadOnly(pool), pendingMigrations(pool)])
    const [cannotWrite, pending] = await Promise.race([asking, timeOut()])
    return {
      database: cannotWrite ? 'down: read-only' : 'ok',
      migrations: pending.length === 0 ? 'ok' : `down: ${pending.length} to run with node db/migrate.ts`,
    }
  } catch (error) {
    return { database: isDatabaseUnavailable(error) ? 'down: cannot be reached' : 'down: refuses the statement' }
  }
}

const timeOut = async (): Promise<never> => {
  await sleep(TIMEOUT_MS, undefined, { ref: false })
  throw Object.assign(new Error('PostgreSQL gives no answer'), { code: 'ETIMEDOUT' })
}
