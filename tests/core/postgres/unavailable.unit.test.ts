import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { retryOnConflict } from '../../../src/core/postgres/connection/retry-on-conflict.ts'
import { isConflict, isDatabaseUnavailable } from '../../../src/core/postgres/connection/unavailable.ts'

const withCode = (code: unknown) => Object.assign(new Error('failed'), { code })

/** As PostgreSQL refuses a statement. */
const refusedWith = (code: string) => Object.assign(new pg.DatabaseError('refused', 7, 'error'), { code })

test.each([
  ...['08006', '40001', '40P01', '53300', '57P01', '57014', '25006', '28P01', '28000', '3D000', '3F000', '42P01'],
  ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EPROTO', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
])('%s is a database that is not there', (code) => {
  expect(isDatabaseUnavailable(withCode(code))).toBe(true)
})

test.each([
  '23505',
  '22P02',
  '42601',
  '42703',
  'x08006',
  '22P08',
  'xECONN',
  'ENOENT',
  'MY_CERT_',
  'xDEPTH_ZERO_',
  '',
  53_300,
])('%j is another fault', (code) => {
  expect(isDatabaseUnavailable(withCode(code))).toBe(false)
})

test.each([
  'timeout exceeded when trying to connect',
  'Query read timeout',
  'Connection terminated unexpectedly',
  'connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Cannot use a pool after calling end on the pool',
  'The server does not support SSL connections',
])('%j of the driver is a database that is not there', (message) => {
  expect(isDatabaseUnavailable(new Error(message))).toBe(true)
})

test('of several tries one that found no database is enough, and what is no error is none', () => {
  expect(isDatabaseUnavailable(new AggregateError([withCode('x'), withCode('ECONNREFUSED')]))).toBe(true)
  expect(isDatabaseUnavailable(new AggregateError([withCode('x')]))).toBe(false)
  for (const other of ['ECONNREFUSED', { code: 'ECONNREFUSED' }, null, undefined])
    expect(isDatabaseUnavailable(other)).toBe(false)
})

test('a conflict is what PostgreSQL says of two transactions, and nobody else', () => {
  expect([refusedWith('40001'), refusedWith('40P01')].map(isConflict)).toEqual([true, true])
  expect([refusedWith('23505'), withCode('40001'), null].map(isConflict)).toEqual([false, false, false])
})

/** Work that fails so before it succeeds, and what the log of outages hears. */
const retry = async (...failures: Error[]) => {
  const outages = { failed: vi.fn(), worked: vi.fn() }
  const work = vi.fn(async () => {
    const failure = failures.shift()
    if (failure) throw failure
    return 'done'
  })
  const result = await retryOnConflict(outages, work).catch((error: unknown) => error)
  return {
    result,
    tries: work.mock.calls.length,
    failed: outages.failed.mock.calls.flat(),
    worked: outages.worked.mock.calls,
  }
}

const conflicts = (times: number) => Array.from({ length: times }, () => refusedWith('40P01'))

test('what others were in the way of is done again, three times at most', async () => {
  expect(await retry()).toEqual({ result: 'done', tries: 1, failed: [], worked: [[]] })
  expect(await retry(...conflicts(3))).toEqual({ result: 'done', tries: 4, failed: [], worked: [[]] })
  const all = conflicts(5)
  expect(await retry(...all)).toEqual({ result: all[3], tries: 4, failed: [all[3]], worked: [] })
})

test('nothing else is done again, and only a database that is not there is an outage', async () => {
  const [gone, wrong] = [withCode('ECONNRESET'), refusedWith('23505')]
  expect(await retry(gone)).toEqual({ result: gone, tries: 1, failed: [gone], worked: [] })
  expect(await retry(wrong)).toEqual({ result: wrong, tries: 1, failed: [], worked: [] })
})
