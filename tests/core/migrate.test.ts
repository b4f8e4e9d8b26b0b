import { expect, test } from 'vitest'
import { migrate, pendingMigrations } from '../../src/core/postgres/migrate.ts'
import { checkDatabase } from '../../src/core/process/http/readiness.ts'
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
