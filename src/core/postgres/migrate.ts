import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import type { Logger } from '../process/logger.ts'
import type { Pool } from './pool.ts'

const MIGRATIONS = fileURLToPath(new URL('../../../db/migrations', import.meta.url))
const TABLE = 'migrations'

/** Brings the tables up to date in one transaction. Several at once wait for each other. Returns the names of what it ran. */
export const migrate = async (databaseUrl: string, logger: Logger): Promise<string[]> => {
  const done = await runner({
    databaseUrl,
    dir: MIGRATIONS,
    migrationsTable: TABLE,
    direction: 'up',
    advisoryLockMode: 'wait',
    logger: {
      debug: () => {},
      info: (line) => logger.debug(line),
      warn: (line) => logger.warn(line),
      error: (line) => logger.error(line),
    },
  })
  return done.map((migration) => migration.name)
}

/** The migrations that this release needs and the database does not have yet. */
export const pendingMigrations = async (pool: Pool): Promise<string[]> => {
  const wanted = (await readdir(MIGRATIONS)).filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -4))
  const exists = await pool.query<{ table: string | null }>('select to_regclass($1) as table', [TABLE])
  if (!exists.rows[0]?.table) return wanted
  const applied = await pool.query<{ name: string }>('select name from migrations')
  const names = new Set(applied.rows.map((row) => row.name))
  return wanted.filter((name) => !names.has(name))
}
