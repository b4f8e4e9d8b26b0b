import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { migrate, pendingMigrations } from '../../src/core/postgres/migrate.ts'
import { checkDatabase } from '../../src/core/process/http/readiness.ts'
import { requireTables } from '../../src/core/process/require-tables.ts'
import { silent, type TestDatabase, useTestDatabase } from '../support/database.ts'

const useEmptyDatabase = async (): Promise<TestDatabase> => {
  const database = await useTestDatabase()
  await database.pool.query('drop schema public cascade')
  await database.pool.query('create schema public')
  return database
}

test('an empty database needs every migration, and none after they ran', async () => {
  const database = await useEmptyDatabase()
  const pending = await pendingMigrations(database.pool)
  expect(pending).toContain('0001_registration')
  expect(await checkDatabase(database.pool)).toMatchObject({
    database: 'ok',
    migrations: expect.stringMatching(/^down: /),
  })
  expect(await migrate(database.url, silent)).toEqual(pending)
  expect(await pendingMigrations(database.pool)).toEqual([])
  expect(await checkDatabase(database.pool)).toEqual({ database: 'ok', migrations: 'ok' })
})

test('migrating again does nothing', async () => {
  const database = await useTestDatabase()
  expect(await migrate(database.url, silent)).toEqual([])
})

test('several that migrate at once are safe, and one of them does the work', async () => {
  const database = await useEmptyDatabase()
  const done = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url, silent)))
  expect(done.filter((names) => names.length > 0)).toHaveLength(1)
  const applied = await database.pool.query<{ name: string }>('select name from migrations order by id')
  expect(applied.rows.map(({ name }) => name)).toEqual(done.flat())
})

describe('with a long reader of the tables', () => {
  /** As if the last migrations had not run; their tables stay. */
  const forget = (database: TestDatabase, name: string) =>
    database.pool.query('delete from migrations where name = $1', [name])
  const readLong = async (database: TestDatabase) => {
    const reader = new pg.Client({ connectionString: database.url })
    await reader.connect()
    await reader.query('begin; select count(*) from mails; select count(*) from users')
    return () => reader.end()
  }

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
    await forget(database, '0002_observing')
    await database.pool.query(
      'alter table mails drop column trace_context; drop index users_activated, mails_request, users_ref, users_keyed',
    )
    const endReading = await readLong(database)
    const done = migrate(database.url, silent)
    const isWaiting = async () =>
      (
        await database.pool.query(
          "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
      ).rowCount
    await expect.poll(isWaiting, { timeout: 10_000, interval: 10 }).toBe(1)
    // Each would fail after five seconds behind it.
    for (let look = 0; look < 20; look += 1) await database.pool.query('select count(*) from mails')
    await endReading()
    expect(await done).toEqual(['0002_observing'])
  })

  test('an index is made beside a long reader and a writer, again after it was broken off', async () => {
    const database = await useTestDatabase()
    await forget(database, '0009_indexes')
    const endReading = await readLong(database)
    const done = migrate(database.url, silent)
    await expect
      .poll(async () => (await database.pool.query('select 1 from pg_index where not indisvalid')).rowCount, {
        timeout: 10_000,
      })
      .toBe(1)
    await database.pool.query('delete from mails')
    await endReading()
    expect(await done).toEqual(['0009_indexes'])
    expect((await database.pool.query('select 1 from pg_index where not indisvalid')).rowCount).toBe(0)
  })
})

test('a process on tables of another release says so', async () => {
  const database = await useTestDatabase()
  const tools = { logger: silent, signal: new AbortController().signal }
  await expect(requireTables(database.pool, tools)).resolves.toBeUndefined()
  await database.pool.query("insert into migrations (name, run_on) values ('9999_later', now())")
  await expect(requireTables(database.pool, tools)).rejects.toThrow(/newer than this release.*9999_later/)
  await database.pool.query("delete from migrations where name >= '0002'")
  await expect(requireTables(database.pool, tools)).rejects.toThrow(
    /older than this release.*0002_observing.*migrate\.ts/,
  )
})
