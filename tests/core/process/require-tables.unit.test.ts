import { expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/process/config.ts'
import { requireTables } from '../../../src/core/process/require-tables.ts'
import { keepLog } from '../../support/kept-log.ts'
import { MIGRATIONS, migratedPool } from '../../support/migrated-pool.ts'

/** Asks a database that has these migrations, after it has failed in these ways. */
const require = async (names: string[], ...failures: unknown[]) => {
  const { logger, messages } = keepLog()
  const { signal } = new AbortController()
  const fault = await requireTables(migratedPool({ names, failures }), { logger, signal }).then(
    () => null,
    (error: unknown) => (error instanceof ConfigError ? error.message : error),
  )
  return { fault, messages: messages() }
}

test('the tables of this release are taken', async () => {
  expect(await require(MIGRATIONS)).toEqual({ fault: null, messages: [] })
})

test('other tables are one sentence that names what is missing, or what is not known', async () => {
  const missing = MIGRATIONS.toSorted().join(', ')
  expect(await require([])).toEqual({
    fault: `The tables are older than this release, which needs ${missing}: run node db/migrate.ts of this release, then start again.`,
    messages: [],
  })
  expect(await require([...MIGRATIONS, '9998_later', '9999_latest'])).toEqual({
    fault:
      'The tables are newer than this release, which does not know 9998_later, 9999_latest: start the release that made them, or a later one.',
    messages: [],
  })
})

test('a PostgreSQL that is away is waited for', async () => {
  expect(await require(MIGRATIONS, Object.assign(new Error('away'), { code: 'ECONNREFUSED' }))).toEqual({
    fault: null,
    messages: ['waiting for PostgreSQL', 'PostgreSQL is available'],
  })
})

test.each([
  ['an error', Object.assign(new Error('permission denied'), { code: '42501' })],
  ['none', 'permission denied'],
])('what waiting does not end is told, as %s', async (_what, failure) => {
  expect(await require(MIGRATIONS, failure)).toEqual({
    fault: 'The tables cannot be read: permission denied. See docs/operations.md for the rights that a role needs.',
    messages: [],
  })
})
