import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { PG_MIGRATE_LOCK_ID, type RunnerOption, runner } from 'node-pg-migrate'
import type { Logger } from '../process/logger.ts'
import { LOCK_TIMEOUT_MS, toChangeTables, untilLocked } from './connection/changing-tables.ts'
import { createPool, type Pool } from './pool.ts'

const MIGRATIONS = fileURLToPath(new URL('../../../db/migrations', import.meta.url))
const TABLE = 'migrations'
type Loader = Exclude<NonNullable<RunnerOption['migrationLoaderStrategies']>[number]['loader'], string>

const NO_TRANSACTION = /^-- no transaction$/m

/**
 * Brings the tables in `schema` up to date, each migration in a transaction of its own. Several at once wait for each other; when
 * nothing is to be done no lock is taken. Nobody waits behind it for longer than half a second. Returns the names of what it ran.
 */
export const migrate = async (databaseUrl: string, logger: Logger, schema = 'public'): Promise<string[]> => {
  const pool = createPool(databaseUrl, { max: 1, name: 'latchkey-migrate', logger, schema })
  try {
    const { pending } = await compareMigrations(pool)
    if (pending.length === 0) return []
    const there = await pool.query<{ is: boolean }>('select to_regnamespace($1) is not null as is', [schema])
    const isNewSchema = !there.rows[0]?.is
    const done: string[] = []
    await untilLocked(logger, async () =>
      done.push(...(await runPending(databaseUrl, { schema, isNewSchema, logger }))),
    )
    return done
  } finally {
    await pool.end()
  }
}

const runPending = async (
  databaseUrl: string,
  { schema, isNewSchema, logger }: { schema: string; isNewSchema: boolean; logger: Logger },
): Promise<string[]> => {
  const done = await runner({
    databaseUrl: toChangeTables(databaseUrl, schema),
    dir: MIGRATIONS,
    migrationsTable: TABLE,
    schema,
    createSchema: isNewSchema,
    direction: 'up',
    singleTransaction: false,
    checkOrder: false,
    advisoryLockMode: 'wait',
    lockValue: lockOf(schema),
    migrationLoaderStrategies: [{ extensions: ['.sql'], loader: loadMigrations }],
    logger: {
      debug: () => {},
      info: (line) => logger.debug(line),
      warn: (line) => logger.debug(line),
      error: (line) => logger.debug(line),
    },
  })
  return done.map((migration) => migration.name)
}

/** Each schema has a lock of its own. */
const lockOf = (schema: string): number =>
  schema === 'public'
    ? PG_MIGRATE_LOCK_ID
    : [...schema].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 2 ** 40, 7)

/**
 * A file is one transaction, or has a line `-- no transaction`: then each of its statements stands alone, ends with its line, and may
 * wait for as long as it takes, which is right for `create index concurrently` and `drop index concurrently if exists`.
 */
const loadMigrations: Loader = (files) =>
  Promise.all(
    files.map(async (file) => {
      const sql = await readFile(file, 'utf8')
      return {
        id: file,
        filePaths: [file],
        actions: {
          up: (migration) => {
            if (!NO_TRANSACTION.test(sql)) return migration.sql(sql)
            migration.noTransaction()
            const statements = sql.split(/;\s*$/m).filter((statement) => /^(?!\s*--)\s*\S/m.test(statement))
            for (const statement of ['set lock_timeout to 0', ...statements, `set lock_timeout to ${LOCK_TIMEOUT_MS}`])
              migration.sql(statement)
          },
          down: false,
        },
      }
    }),
  )

/** The migrations that this release needs and the database does not have yet. */
export const pendingMigrations = async (pool: Pool): Promise<string[]> => (await compareMigrations(pool)).pending

/** `unknown` are those that the database has and this release does not know: a newer one made them. */
export const compareMigrations = async (pool: Pool): Promise<{ pending: string[]; unknown: string[] }> => {
  const wanted = (await readdir(MIGRATIONS)).filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -4))
  const exists = await pool.query<{ table: string | null }>('select to_regclass($1) as table', [TABLE])
  if (!exists.rows[0]?.table) return { pending: wanted.toSorted(), unknown: [] }
  const applied = await pool.query<{ name: string }>('select name from migrations order by id')
  const names = applied.rows.map((row) => row.name)
  return {
    pending: wanted.filter((name) => !names.includes(name)).toSorted(),
    unknown: names.filter((name) => !wanted.includes(name)),
  }
}
