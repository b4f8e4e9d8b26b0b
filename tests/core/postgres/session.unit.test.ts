import { expect, test, vi } from 'vitest'
import { findUrlFault } from '../../../src/core/postgres/connection/connection-string.ts'
import { inOnePacket } from '../../../src/core/postgres/connection/one-packet.ts'
import { beginStatement, withSession } from '../../../src/core/postgres/connection/session.ts'

const OURS = [
  ...['DateStyle=ISO,MDY', 'TimeZone=UTC', 'IntervalStyle=postgres', 'bytea_output=hex', 'lock_timeout=0'],
  ...['idle_session_timeout=0', 'plan_cache_mode=force_generic_plan', 'enable_seqscan=off'],
  'default_transaction_isolation=read\\ committed',
]

/** The URL without its options, and each of those. */
const partsOf = (url: string) => {
  const [base = '', query = ''] = url.split('?')
  const parts = query.split('&')
  const options = parts.filter((part) => part.startsWith('options=')).map((part) => part.slice('options='.length))
  const settings = options.map((each) =>
    decodeURIComponent(each.replaceAll('+', ' '))
      .split(/(?:^| )-c /)
      .slice(1),
  )
  return { base, others: parts.filter((part) => !part.startsWith('options=')), settings }
}

test.each([
  { url: 'postgres://one/latchkey', base: 'postgres://one/latchkey', others: [] },
  { url: 'postgres://one/latchkey?sslmode=disable', base: 'postgres://one/latchkey', others: ['sslmode=disable'] },
  { url: '/run/postgresql latchkey', base: 'socket:/run/postgresql', others: ['db=latchkey'] },
  { url: '/run/postgresql', base: 'socket:/run/postgresql', others: [] },
  { url: 'socket:/run/postgresql?db=latchkey', base: 'socket:/run/postgresql', others: ['db=latchkey'] },
])('$url is told what its sessions are like', ({ url, base, others }) => {
  expect(partsOf(withSession(url))).toEqual({ base, others, settings: [OURS] })
})

test('options of the URL are found wherever they stand', () => {
  const url = withSession('postgres://one/latchkey?options=-c+work_mem=1MB&sslmode=disable')
  expect(partsOf(url)).toMatchObject({ others: ['sslmode=disable'], settings: [['work_mem=1MB', ...OURS]] })
})

test('a schema and more come last, behind the last options of the URL', () => {
  const url = 'postgres://one/latchkey?options=-c+work_mem=1MB&sslmode=disable&options=-c+TimeZone=Asia/Tokyo'
  expect(partsOf(withSession(url, 'own', ['statement_timeout=0', 'lock_timeout=500']))).toEqual({
    base: 'postgres://one/latchkey',
    others: ['sslmode=disable'],
    settings: [['TimeZone=Asia/Tokyo', ...OURS, 'search_path=own', 'statement_timeout=0', 'lock_timeout=500']],
  })
})

test.each([false, undefined] as const)('a transaction of a session of our own (%s) says only its level', (pooled) => {
  expect(beginStatement(pooled)).toBe('begin isolation level read committed')
})

test.each([
  { schema: 'own', path: ["set local search_path to 'own'"] },
  { schema: undefined, path: [] },
])('behind a pooler a transaction says all by itself, its schema ($schema) too', ({ schema, path }) => {
  expect(beginStatement({ schema, statementTimeoutMs: 5000, idleTimeoutMs: 15_000 }).split('; ')).toEqual([
    'begin isolation level read committed',
    "set local DateStyle to 'ISO,MDY'",
    "set local TimeZone to 'UTC'",
    "set local IntervalStyle to 'postgres'",
    "set local bytea_output to 'hex'",
    "set local lock_timeout to '0'",
    "set local statement_timeout to '5000'",
    "set local idle_in_transaction_session_timeout to '15000'",
    ...path,
  ])
})

const FORM = 'must be a URL that begins with postgres:// or postgresql://'
const PORT = 'must be a URL with a port from 1 to 65535'

test.each([
  { given: 'postgres://one/latchkey', fault: null },
  { given: 'POSTGRESQL://one/latchkey?port=65535', fault: null },
  { given: 'postgres://one/latchkey?port=1', fault: null },
  { given: '/run/postgresql latchkey', fault: null },
  { given: 'socket:/run/postgresql?db=latchkey', fault: null },
  { given: 'postgres://one/latchkey?port=0', fault: PORT },
  { given: 'postgres://one/latchkey?port=65536', fault: PORT },
  { given: '//one/latchkey', fault: FORM },
  { given: 'x postgres://one/latchkey', fault: FORM },
  { given: 'postgres:/one/latchkey', fault: FORM },
  { given: 'postgres://one,two/latchkey', fault: 'must name one host: a virtual address, or a proxy' },
  {
    given: 'postgres://one/latchkey?sslkey=/no/such/file',
    fault: 'must name files that can be read in sslrootcert, sslcert, sslkey',
  },
  {
    given: 'postgres://ada:word%ff@one/latchkey',
    fault:
      'must be a URL that pg can read: encode what is not a letter or a digit in user, password and database as %40',
  },
])('of $given the fault is $fault', ({ given, fault }) => {
  expect(findUrlFault(given)).toBe(fault)
})

test('what is asked until the tick ends is held for one packet', async () => {
  const stream = { cork: vi.fn(), uncork: vi.fn() }
  const client = Object.assign(Object.create(null), { connection: { stream } })
  inOnePacket(client)
  expect([stream.cork.mock.calls.length, stream.uncork.mock.calls.length]).toEqual([1, 0])
  await new Promise((resolve) => process.nextTick(resolve))
  expect([stream.cork.mock.calls.length, stream.uncork.mock.calls.length]).toEqual([1, 1])
})

// What is inside of pg is no part of what it promises.
test.each([{}, { connection: {} }, { connection: { stream: {} } }])(
  'nothing is held where there is no packet: %j',
  (inside) => {
    expect(() => inOnePacket(Object.assign(Object.create(null), inside))).not.toThrow()
  },
)
