import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { compareMigrations, migrate, pendingMigrations } from '../../src/core/postgres/migrate.ts'
import { checkDatabase } from '../../src/core/process/http/readiness.ts'
import { requireTables } from '../../src/core/process/require-tables.ts'
import { silent, type TestDatabase, useTestDatabase } from '../support/database.ts'
import { keepLog } from '../support/kept-log.ts'

const REAL = join(import.meta.dirname, '../../db/migrations')

const useEmptyDatabase = async (): Promise<TestDatabase> => {
  const database = await useTestDatabase()
  await database.pool.query('drop schema public cascade')
  await database.pool.query('create schema public')
  return database
}

/** The folder of a later release: our migrations, and this one. */
const useLaterFolder = async (name: string, sql: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await cp(REAL, folder, { recursive: true })
  await writeFile(join(folder, `${name}.sql`), `-- Up Migration\n${sql}`)
  return folder
}

test('an empty database needs every migration, and none after they ran', async () => {
  const database = await useEmptyDatabase()
  const pending = await pendingMigrations(database.pool)
  expect(pending).toContain('0001_tables')
  expect(await checkDatabase(database.pool)).toMatchObject({
    database: 'ok',
    migrations: expect.stringMatching(/^down: /),
  })
  expect(await compareMigrations(database.pool)).toEqual({ pending, unknown: [] })
  const { logger, lines } = keepLog('debug')
  expect(await migrate(database.url, logger)).toEqual(pending)
  expect(lines().length).toBeGreaterThan(0)
  expect(await pendingMigrations(database.pool)).toEqual([])
  expect(await checkDatabase(database.pool)).toEqual({ database: 'ok', migrations: 'ok' })
})

test('migrating again does nothing', async () => {
  const database = await useTestDatabase()
  expect(await migrate(database.url, silent)).toEqual([])
})

test('a later release runs its own migration alone, and is newer to this one', async () => {
  const database = await useTestDatabase()
  const folder = await useLaterFolder('0002_nickname', 'alter table users add column nickname text;')
  await writeFile(join(folder, '.gitkeep'), '')
  expect(await compareMigrations(database.pool, folder)).toEqual({ pending: ['0002_nickname'], unknown: [] })
  expect(await migrate(database.url, silent, 'public', folder)).toEqual(['0002_nickname'])
  expect((await database.pool.query('select nickname from users')).rows).toEqual([])
  expect(await compareMigrations(database.pool, folder)).toEqual({ pending: [], unknown: [] })
  expect(await compareMigrations(database.pool)).toEqual({ pending: [], unknown: ['0002_nickname'] })
})

test.each(['public', 'own'])(
  'several that migrate the schema %s at once are safe, and one of them does the work',
  async (schema) => {
    const database = await useEmptyDatabase()
    const done = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url, silent, schema)))
    expect(done.filter((names) => names.length > 0)).toHaveLength(1)
    const applied = await database.pool.query<{ name: string }>(`select name from ${schema}.migrations order by id`)
    expect(applied.rows.map(({ name }) => name)).toEqual(done.flat())
    expect(await migrate(database.url, silent, schema)).toEqual([])
  },
)

test('who migrates with another tool of that kind is waited for, but not by another schema, and no connection is left', async () => {
  const database = await useEmptyDatabase()
  const [holder, other] = [await database.pool.connect(), await database.pool.connect()]
  onTestFinished(() => [holder, other].forEach((client) => void client.release(true)))
  const connections = async () => {
    const those =
      "select from pg_stat_activity where application_name = 'latchkey-migrate' and datname = current_database()"
    return (await other.query(those)).rowCount
  }
  const waiting = async () =>
    (
      await other.query(
        "select from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())",
      )
    ).rowCount
  await holder.query('select pg_advisory_lock(7241865325823964)')
  expect(await migrate(database.url, silent, 'own')).not.toEqual([])
  const done = migrate(database.url, silent)
  await expect.poll(waiting).toBe(1)
  expect(await connections()).toBeGreaterThan(0)
  await holder.query('select pg_advisory_unlock(7241865325823964)')
  expect(await done).not.toEqual([])
  // A pool that is not ended keeps its last one for ten seconds.
  await expect.poll(connections, { timeout: 8000, interval: 10 }).toBe(0)
})

test('one that is missing between those of other releases is made up for', async () => {
  const database = await useTestDatabase()
  await database.pool.query("insert into migrations (name, run_on) values ('9999_later', now())")
  const folder = await useLaterFolder('0002_nickname', 'alter table users add column nickname text;')
  expect(await migrate(database.url, silent, 'public', folder)).toEqual(['0002_nickname'])
})

test('a file that only speaks of no transaction is one: nothing is kept of it when it fails', async () => {
  const database = await useTestDatabase()
  const sql = '-- Here is -- no transaction\n-- no transactions\ncreate table half ();\nselect 1 / 0;'
  const folder = await useLaterFolder('0002_half', sql)
  await expect(migrate(database.url, silent, 'public', folder)).rejects.toThrow('division by zero')
  expect((await database.pool.query("select to_regclass('half') as half")).rows).toEqual([{ half: null }])
})

test('of one without a transaction each statement ends with its line, and waits for as long as it takes', async () => {
  const database = await useTestDatabase()
  const statements = [
    ...['-- no transaction', '-- As an index that is made anew; see below.'],
    "create table seen as select current_setting('lock_timeout') as wait; ",
    'do $$ begin perform 1; perform 2; end $$;',
    'create index concurrently seen_by_wait on seen (wait);',
    '-- That is all;',
  ]
  const folder = await useLaterFolder('0002_seen', statements.join('\n'))
  expect(await migrate(database.url, silent, 'public', folder)).toEqual(['0002_seen'])
  expect((await database.pool.query('select wait from seen')).rows).toEqual([{ wait: '0' }])
})

describe('with somebody long at the tables', () => {
  const stayLong = async (database: TestDatabase, statement: string) => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query(`begin; ${statement}`)
    return () => client.end()
  }
  const countWaiting = async (database: TestDatabase) =>
    (
      await database.pool.query(
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
    ).rowCount

  test('with nothing to be done a run takes no lock', async () => {
    const database = await useTestDatabase()
    const holder = new pg.Client({ connectionString: database.url })
    await holder.connect()
    onTestFinished(() => holder.end())
    await holder.query('begin; lock table mails, users, codes in access exclusive mode')
    await holder.query('select pg_advisory_lock(7241865325823964)')
    expect(await migrate(database.url, silent)).toEqual([])
  })

  test('a change of a table waits without anybody behind it, and is made when the reader is done', async () => {
    const database = await useTestDatabase()
    const folder = await useLaterFolder('0002_weight', 'alter table mails add column weight integer;')
    const endReading = await stayLong(database, 'select count(*) from mails')
    const done = migrate(database.url, silent, 'public', folder)
    await expect.poll(() => countWaiting(database)).toBe(1)
    // Each would fail after five seconds behind it.
    for (let look = 0; look < 20; look += 1) await database.pool.query('select count(*) from mails')
    await endReading()
    expect(await done).toEqual(['0002_weight'])
  })

  test('an index is made beside a reader and writers, again after it was broken off', async () => {
    const database = await useTestDatabase()
    const statements = [
      '-- no transaction',
      'drop index concurrently if exists mails_by_age;',
      'create index concurrently mails_by_age on mails (created_at);',
    ]
    const folder = await useLaterFolder('0002_mails_by_age', statements.join('\n'))
    const countInvalid = async () => (await database.pool.query('select 1 from pg_index where not indisvalid')).rowCount
    const endWriting = await stayLong(database, 'update mails set attempts = 0')
    const brokenOff = new pg.Client({ connectionString: database.url })
    await brokenOff.connect()
    await brokenOff.query("set statement_timeout to '200ms'")
    await expect(brokenOff.query(statements[2] ?? '')).rejects.toThrow(/statement timeout/)
    await brokenOff.end()
    expect(await countInvalid()).toBe(1)
    const done = migrate(database.url, silent, 'public', folder)
    await expect.poll(() => countWaiting(database)).toBe(1)
    await database.pool.query('delete from mails')
    await endWriting()
    expect(await done).toEqual(['0002_mails_by_age'])
    expect(await countInvalid()).toBe(0)
  })
})

test('a process on tables of another release says so', async () => {
  const database = await useTestDatabase()
  const tools = { logger: silent, signal: new AbortController().signal }
  await expect(requireTables(database.pool, tools)).resolves.toBeUndefined()
  await database.pool.query("insert into migrations (name, run_on) values ('9999_later', now())")
  await expect(requireTables(database.pool, tools)).rejects.toThrow(/newer than this release.*9999_later/)
  await database.pool.query('delete from migrations')
  await expect(requireTables(database.pool, tools)).rejects.toThrow(/older than this release.*0001_tables.*migrate\.ts/)
})
