import { describe, expect, test, vi } from 'vitest'
import { readImportLine } from '../../../src/core/account/read-import-line.ts'

const PLAIN = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const OURS = '$bcrypt-sha256$v=2,t=2b,r=5$5Hg1DKFqPE8C2aflZ5vVoe$wOK1VFFtS8IGTrGa7.h5fs0u84qyPbS'
const GIVEN = {
  email: 'ada@example.com',
  activatedAt: '2020-01-02T03:04:05.000Z',
  passwordHash: PLAIN,
  scheme: 'bcrypt',
}

const lineOf = (given: object) => JSON.stringify({ ...GIVEN, ...given })
const faultOf = (line: string) => {
  const read = readImportLine(line)
  return 'fault' in read ? read.fault : null
}

describe('a line', () => {
  test('is read without what it leaves out, and with the address in its one form', () => {
    expect(readImportLine(lineOf({}))).toEqual(GIVEN)
    const whole = { passwordHash: OURS, scheme: 'latchkey', locale: 'de-AT', metadata: { plan: 'free' } }
    expect(readImportLine(lineOf({ ...whole, email: 'ADA@bücher.example' }))).toEqual({
      ...GIVEN,
      ...whole,
      email: 'ada@xn--bcher-kva.example',
    })
  })

  test('may begin with a byte order mark, and have none within', () => {
    expect(readImportLine(`\uFEFF${lineOf({})}`)).toEqual(GIVEN)
    expect(faultOf(lineOf({}).replace(':', ':\uFEFF'))).toBe('is not JSON')
  })

  test('has 16,384 characters at most', () => {
    expect(faultOf(lineOf({}).padEnd(16_384))).toBeNull()
    expect(faultOf(lineOf({}).padEnd(16_385))).toBe('is longer than 16384 characters')
  })
})

test.each([
  ['no json', 'is not JSON'],
  ['"ada@example.com"', 'is not a JSON object'],
  [lineOf({}).replace('{', '{"email":"eve@example.com",'), 'names a member twice'],
  [lineOf({ admin: true }), 'has a member that is not known'],
  ...Object.keys(GIVEN).map((name) => [lineOf({ [name]: undefined }), `has no ${name}`]),
  ...[...Object.keys(GIVEN).filter((name) => name !== 'scheme'), 'locale'].map((name) => [
    lineOf({ [name]: 1 }),
    `${name} must be a string`,
  ]),
  [lineOf({ email: 'ada' }), 'email must be an e-mail address'],
  [lineOf({ scheme: 'md5' }), 'scheme must be latchkey or bcrypt'],
  [lineOf({ locale: 'no tag' }), 'locale must be a language tag of BCP 47'],
  [lineOf({ metadata: [] }), 'metadata must be a JSON object'],
  [lineOf({ passwordHash: 'secret' }), 'passwordHash must be a hash of its scheme, of a cost from 4 to 15'],
  [lineOf({ scheme: 'latchkey' }), 'passwordHash is a hash of the other scheme'],
  [lineOf({ passwordHash: OURS }), 'passwordHash is a hash of the other scheme'],
])('%s has a fault: %s', (line, fault) => {
  expect(faultOf(line)).toBe(fault)
})

describe('a time', () => {
  test.each([
    ['2020-01-02T03:04:05Z', '2020-01-02T03:04:05.000Z'],
    ['2020-01-02T03:04Z', '2020-01-02T03:04:00.000Z'],
    ['2020-01-02T03:04:05.1234567Z', '2020-01-02T03:04:05.123Z'],
    ['2020-01-02T03:04:05+01:30', '2020-01-02T01:34:05.000Z'],
    ['2020-01-02T03:04:05-0130', '2020-01-02T04:34:05.000Z'],
    ['2020-02-29T23:00:00-02:00', '2020-03-01T01:00:00.000Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
  ])('%s is one', (activatedAt, read) => {
    expect(readImportLine(lineOf({ activatedAt }))).toMatchObject({ activatedAt: read })
  })

  test.each([
    '2020-01-02',
    '2020-01-02T03:04:05',
    '2020-01-02 03:04:05Z',
    '2020-01-02T03:04:5Z',
    '2020-01-02T03:04:05.Z',
    '2020-01-02T03:04:05+1',
    '2020-13-02T03:04:05Z',
    '2020-02-30T03:04:05Z',
    '2021-02-29T23:00:00-02:00',
    '+002020-01-02T03:04:05Z',
    'on 2020-01-02T03:04:05Z',
    '2020-01-02T03:04:05Z (UTC)',
    '1969-12-31T23:59:59.999Z',
    '0000-01-01T00:00:00Z',
  ])('%s is none', (activatedAt) => {
    expect(faultOf(lineOf({ activatedAt }))).toBe('activatedAt must be a past time of ISO 8601 with its offset')
  })

  test('may be ahead of our clock by a day', () => {
    vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z'), toFake: ['Date'] })
    try {
      expect(faultOf(lineOf({ activatedAt: '2026-01-02T00:00:00.000Z' }))).toBeNull()
      expect(faultOf(lineOf({ activatedAt: '2026-01-02T00:00:00.001Z' }))).toMatch(/past time/)
    } finally {
      vi.useRealTimers()
    }
  })
})
