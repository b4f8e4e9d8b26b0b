import { expect, test } from 'vitest'
import { readConfig } from '../../../src/core/process/config.ts'
import { coreSettings, directUrlOf, isPooled } from '../../../src/core/process/settings.ts'
import { faultOf } from '../../support/config.ts'

test.each(['redis://localhost', 'not a url', 'localhost:5432', ''])('%j is no PostgreSQL URL', (given) => {
  expect(faultOf(() => readConfig(coreSettings, { DATABASE_URL: given }))).toContain('DATABASE_URL: must be')
})

test.each([
  { given: 'postgres://ada:hunter2@one,two/latchkey', fault: 'must name one host' },
  { given: 'postgres://ada:hunter2@one:1,two:2/latchkey', fault: 'must be a URL' },
  { given: 'postgres://ada:hunter2%ff@one/latchkey', fault: 'must be a URL that pg can read' },
  { given: 'postgres://ada:hunter2@one:99999/latchkey', fault: 'must be a URL that pg can read' },
  { given: 'postgres://ada:hunter2@one/latchkey?port=hunter2', fault: 'must be a URL with a port' },
  { given: 'postgres://ada:hunter2@one/latchkey?host=one,two', fault: 'must name one host' },
  { given: 'postgres://one/latchkey?sslmode=verify-ca&uselibpqcompat=true', fault: 'must be a URL that pg can read' },
  { given: 'postgres://ada:hunter2@one/latchkey?sslrootcert=/no/such/file', fault: 'must name files that can be read' },
  { given: 'postgres://ada:hunter2@one/latchkey?sslkey=/no/such/file', fault: 'must name files that can be read' },
])('a PostgreSQL URL that pg would stumble over later $fault', ({ given, fault }) => {
  for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL']) {
    const message = faultOf(() => readConfig(coreSettings, { DATABASE_URL: 'postgres://one/latchkey', [name]: given }))
    expect(message).toContain(`${name}: ${fault}`)
    expect(message).not.toMatch(/hunter2|no\/such/)
  }
})

test.each([
  'postgres://ada:p%40ss%2Fw%23rd@one/latchkey',
  'postgres://ada:100%@one/latchkey',
  'postgresql://ada:hunter2@/latchkey?host=/var/run/postgresql',
  'postgres://%2Fvar%2Frun%2Fpostgresql/latchkey',
  'socket:/var/run/postgresql?db=latchkey',
  '/var/run/postgresql latchkey',
  'postgres://ada@[::1]:5433/latchkey?sslmode=no-verify',
  'postgres://ada@one/latchkey?sslmode=disable&options=-c%20search_path%3Dother',
])('%s is a PostgreSQL that pg takes', (given) => {
  expect(readConfig(coreSettings, { DATABASE_URL: given }).DATABASE_URL).toBe(given)
})

test('without a way past a pooler there is no pooler', () => {
  const [through, past] = ['postgres://pooler/latchkey', 'postgres://server/latchkey']
  const alone = readConfig(coreSettings, { DATABASE_URL: through })
  expect([directUrlOf(alone), isPooled(alone)]).toEqual([expect.stringContaining(`${through}?options=`), false])
  const both = readConfig(coreSettings, { DATABASE_URL: through, DATABASE_DIRECT_URL: past })
  expect([directUrlOf(both), isPooled(both)]).toEqual([expect.stringContaining(`${past}?options=`), true])
})

test.each([
  'Other',
  'a-b',
  '1a',
  'pg_own',
  'information_schema',
  'bullmq',
  'other_bullmq',
  'x'.repeat(57),
  "a'b",
  'a b',
])('%s is no schema of ours', (DATABASE_SCHEMA) => {
  const fault = faultOf(() => readConfig(coreSettings, { DATABASE_URL: 'postgres://one/latchkey', DATABASE_SCHEMA }))
  expect(fault).toContain('DATABASE_SCHEMA: must be')
})
