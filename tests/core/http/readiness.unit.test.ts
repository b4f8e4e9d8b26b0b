import { expect, test, vi } from 'vitest'
import { checkDatabase } from '../../../src/core/process/http/readiness.ts'
import { migratedPool } from '../../support/migrated-pool.ts'

test('a PostgreSQL that answers, takes writes and has the tables is well', async () => {
  expect(await checkDatabase(migratedPool())).toEqual({ database: 'ok', migrations: 'ok' })
})

test('one that takes no writes, or lacks tables, is down', async () => {
  expect(await checkDatabase(migratedPool({ isReadOnly: true }))).toEqual({
    database: 'down: read-only',
    migrations: 'ok',
  })
  expect(await checkDatabase(migratedPool({ names: [] }))).toEqual({
    database: 'ok',
    migrations: expect.stringMatching(/^down: [1-9]\d* to run with node db\/migrate\.ts$/),
  })
})

test.each([
  ['refuses the statement', '42501'],
  ['cannot be reached', 'ECONNREFUSED'],
])('one that %s is down', async (words, code) => {
  const failure = Object.assign(new Error('no'), { code })
  expect(await checkDatabase(migratedPool({ failures: [failure, failure] }))).toEqual({ database: `down: ${words}` })
})

test('one that gives no answer for two seconds cannot be reached', async () => {
  const pool = migratedPool()
  vi.spyOn(pool, 'query').mockReturnValue(Promise.withResolvers<never>().promise)
  const begun = performance.now()
  expect(await checkDatabase(pool)).toEqual({ database: 'down: cannot be reached' })
  expect(performance.now() - begun).toBeGreaterThan(1900)
})
