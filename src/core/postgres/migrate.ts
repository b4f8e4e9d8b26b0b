import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { RunnerOption } from 'node-pg-migrate'
import type pg from 'pg'
import type { Logger } from '../process/logger.ts'
import { hasSchema, LOCK_TIMEOUT_MS, untilLocked, withChangingClient } from './connection/changing-tables.ts'
import { rowOf } from './connection/row-of.ts'
import { createPool, type Pool } from './pool.ts'

const MIGRATIONS = fileURLToPath(new URL('../../../db/migrations', import.meta.url))
const TABLE = 'migrations'
type Loader = Exclude<NonNullable<RunnerOption['migrationLoaderStrategies']>[number]['loader'], string>

const NO_TRANSACTION = /^-- no transaction$/m

/**
 * Brings the tables in `schema` up to date, each migration in a transaction of its own. Several at once wait for each other; when
 * nothing is to be done no lock is taken. Nobody waits behind it for longer than half a second. Returns the names of what it ran.
 */
export const migrate = async (
  databaseUrl: string,
  logger: Logger,
  schema = 'public',
  folder = MIGRATIONS,
): Promise<string[]> => {
  const pool = createPool(databaseUrl, { max: 1, name: 'latchkey-migrate', logger, schema })
  const done: string[] = []
  try {
    if ((await pendingMigrations(pool, folder)).length === 0) return []
    await untilLocked(logger, () =>
      withChangingClient(databaseUrl, schema, async (client) => {
        // Held until the connection ends.
        await client.query('select pg_advisory_lock($1)', [await lockOf(schema)])
        for (const file of await pendingMigrations(pool, folder)) {
          await runOne(client, schema, { folder, file }, logger)
          done.push(file)
        }
      }),
    )
    return done
  } finally {
    await pool.end()
  }
}

/** One by one, so that what ran before a lock was not had is known. */
const runOne = async (
  client: pg.Client,
  schema: string,
  { folder, file }: { folder: string; file: string },
  logger: Logger,
): Promise<void> => {
  const tell = (line: string) => logger.debug(line)
  const { runner } = await loadMigrator()
  await runner({
    dbClient: client,
    dir: folder,
    file,
    migrationsTable: TABLE,
    schema,
    createSchema: !(await hasSchema(client, schema)),
    direction: 'up',
    singleTransaction: false,
    checkOrder: false,
    noLock: true,
    migrationLoaderStrategies: [{ extensions: ['.sql'], loader: loadMigrations }],
    logger: { debug: () => {}, info: tell, warn: tell, error: tell },
  })
}

/** Not before it is needed: api and worker only look which migrations there are. */
const loadMigrator = () => import('node-pg-migrate')

/** Each schema has a lock of its own. */
const lockOf = async (schema: string): Promise<number> =>
  schema === 'public'
    ? (await loadMigrator()).PG_MIGRATE_LOCK_ID
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
            const statements = sql.split(/;\s*$/m)
            for (const statement of ['set lock_timeout to 0', ...statements, `set lock_timeout to ${LOCK_TIMEOUT_MS}`])
              migration.sql(statement)
          },
          down: false,
        },
      }
    }),
  )

/** The migrations that this release needs and the database does not have yet. */
export const pendingMigrations = async (pool: Pool, folder?: string): Promise<string[]> =>
  (await compareMigrations(pool, folder)).pending

/** `unknown` are those that the database has and this release does not know: a newer one made them. */
export const compareMigrations = async (
  pool: Pool,
  folder = MIGRATIONS,
): Promise<{ pending: string[]; unknown: string[] }> => {
  const wanted = (await readdir(folder)).filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -4))
  const exists = await pool.query<{ table: string | null }>('select to_regclass($1) as table', [TABLE])
  if (!rowOf(exists.rows).table) return { pending: wanted.toSorted(), unknown: [] }
  const applied = await pool.query<{ name: string }>('select name from migrations order by id')
  const names = applied.rows.map((row) => row.name)
  return {
    pending: wanted.filter((name) => !names.includes(name)).toSorted(),
    unknown: names.filter((name) => !wanted.includes(name)),
  }
}
