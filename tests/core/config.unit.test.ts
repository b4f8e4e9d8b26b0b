import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { budgets, ConfigError, duration, readConfig, text, url, wholeNumber } from '../../src/core/process/config.ts'
import { codePolicyOf, codeSettings, coreSettings, directUrlOf, isPooled } from '../../src/core/process/settings.ts'

/** The message of the `ConfigError`, or null when there is none. */
const faultOf = (read: () => unknown): string | null => {
  try {
    read()
    return null
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

test.each([
  ['90s', 90],
  ['15m', 900],
  ['1h', 3600],
  ['2d', 172_800],
  ['3650d', 315_360_000],
])('the duration %s is %i seconds', (given, seconds) => {
  expect(readConfig({ A: duration }, { A: given })).toEqual({ A: seconds })
})

test.each(['0s', '1', 'h', '1.5h', '-1h', '1w', '1 h', '1h30m', '3651d', '١h', '1H', ' 1h'])(
  '%j is no duration',
  (given) => {
    expect(faultOf(() => readConfig({ A: duration }, { A: given }))).toContain('A: must be a duration')
  },
)

test('budgets go round through their grammar', () => {
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }
  const units = fc.constantFrom('s' as const, 'm' as const, 'h' as const, 'd' as const)
  const part = fc.tuple(fc.integer({ min: 1, max: 999_999_999 }), fc.integer({ min: 1, max: 3650 }), units)
  // Two budgets of one length are refused: see the test of that below.
  const differing = fc.uniqueArray(part, {
    minLength: 1,
    maxLength: 4,
    selector: ([, amount, unit]) => amount * seconds[unit],
  })
  fc.assert(
    fc.property(differing, (parts) => {
      const given = parts.map(([max, amount, unit]) => `${max}/${amount}${unit}`).join(',')
      const wanted = parts.map(([max, amount, unit]) => ({ max, seconds: amount * seconds[unit] }))
      expect(readConfig({ A: budgets }, { A: given })).toEqual({ A: wanted })
    }),
  )
})

test('no text makes the grammar of budgets throw anything but its fault, and what it reads can be written down and read again', () => {
  const letters = fc.array(fc.constantFrom(...'019/,smhd offwy-.')).map((parts) => parts.join(''))
  fc.assert(
    fc.property(
      fc.oneof(letters, fc.string({ minLength: 1 }), fc.stringMatching(/^\d{1,11}\/\d{1,6}[smhdw](,\d\/\d[smhd])?$/)),
      (given) => {
        fc.pre(given !== '')
        if (faultOf(() => readConfig({ A: budgets }, { A: given })) !== null) return
        const { A: read } = readConfig({ A: budgets }, { A: given })
        for (const { max, seconds } of read) expect(max > 0 && seconds > 0 && seconds <= 3650 * 86_400).toBe(true)
        const written = read.map(({ max, seconds }) => `${max}/${seconds}s`).join(',') || 'off'
        expect(readConfig({ A: budgets }, { A: written })).toEqual({ A: read })
      },
    ),
    { numRuns: 1000 },
  )
})

test.each([
  ['off', []],
  [
    '20/1h, 60/24h',
    [
      { max: 20, seconds: 3600 },
      { max: 60, seconds: 86_400 },
    ],
  ],
])('the budgets %j are read', (given, wanted) => {
  expect(readConfig({ A: budgets }, { A: given })).toEqual({ A: wanted })
})

test.each([
  '0/1h',
  '20',
  '20/',
  '/1h',
  '20/1h,',
  ',',
  'OFF',
  '20/1h;60/24h',
  '1e3/1h',
  '-1/1h',
  'off,20/1h',
  '9/1d,9/24h',
])('%j are no budgets', (given) => {
  expect(faultOf(() => readConfig({ A: budgets }, { A: given }))).toContain('A: must be budgets')
})

test.each(['', '1.5', '-1', '+1', '1e3', '0x10', ' 1', '1 ', 'many', '101', '99999999999', '١'])(
  '%j is no whole number from 0 to 100',
  (given) => {
    expect(faultOf(() => readConfig({ A: wholeNumber(0, 100) }, { A: given }))).toContain('A: ')
  },
)

test('a whole number is read at both of its ends', () => {
  expect(readConfig({ A: wholeNumber(0, 100), B: wholeNumber(0, 100) }, { A: '0', B: '100' })).toEqual({ A: 0, B: 100 })
})

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

test('one error names every faulty variable, and no value', () => {
  const environment = {
    DATABASE_URL: 'mysql://user:hunter2@host',
    LOG_LEVEL: 'chatty-value',
    SECRET_KEY: 'too-short-value',
    CODE_TTL_SECONDS: 'sixty-value',
    CODE_ATTEMPTS: '100000',
    LIMIT_GUESSES_PER_MAILBOX: 'nine-value',
  }
  const fault = faultOf(() => readConfig({ ...coreSettings, ...codeSettings }, environment)) ?? ''
  for (const [name, value] of Object.entries(environment)) {
    expect(fault.split('\n').filter((line) => line.startsWith(`  ${name}: `))).toHaveLength(1)
    expect(fault).not.toContain(value)
  }
  expect(fault).not.toContain('hunter2')
})

test('a faulty variable whose name begins another faulty name is named too', () => {
  const fault = faultOf(() => readConfig({ MAIL_URL: url('http:'), MAIL: text() }, {}))
  expect(fault).toContain('MAIL_URL: ')
  expect(fault).toContain('MAIL: ')
})

test('the defaults are those of the contract, and a list of secrets keeps its order', () => {
  const secrets = ['a secret of thirty-two characters', 'another secret of thirty-two chars']
  const config = readConfig(codeSettings, { SECRET_KEY: secrets.join(', ') })
  expect(config.SECRET_KEY).toEqual(secrets)
  expect(codePolicyOf(config)).toEqual({
    ttlSeconds: 60,
    maxAttempts: 3,
    guessBudgets: [
      { max: 9, seconds: 86_400 },
      { max: 90, seconds: 365 * 86_400 },
    ],
  })
})

test('a secret keeps neither the byte order mark nor the line end that came with it', () => {
  const key = 'a secret of thirty-two characters'
  expect(readConfig(codeSettings, { SECRET_KEY: `\uFEFF${key}\r\n` }).SECRET_KEY).toEqual([key])
})

test('two equal keys in a list are refused', () => {
  const key = 'a secret of thirty-two characters'
  const fault = faultOf(() => readConfig(codeSettings, { SECRET_KEY: `${key}, ${key}` }))
  expect(fault).toContain('SECRET_KEY: must not hold the same key twice')
  expect(fault).not.toContain(key)
})

test('one short secret in the list is enough to stop', () => {
  const list = 'a secret of thirty-two characters,short'
  expect(faultOf(() => readConfig(codeSettings, { SECRET_KEY: list }))).toContain('SECRET_KEY: must have 32')
})

describe('a value in a file', () => {
  let folder: string
  const file = (content: string) => {
    const path = join(folder, 'secret')
    writeFileSync(path, content)
    return path
  }
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each([
    ['plain', 'plain'],
    ['with a line end\n', 'with a line end'],
    ['with a DOS line end\r\n', 'with a DOS line end'],
    ['\uFEFFwith a byte order mark\r\n', 'with a byte order mark'],
    [' spaces kept ', ' spaces kept '],
  ])('%j is read as %j', (content, value) => {
    expect(readConfig({ A: text() }, { A_FILE: file(content) })).toEqual({ A: value })
  })

  test('is refused beside the variable itself, unless that is empty', () => {
    const fault = faultOf(() => readConfig({ A: text(), B: text() }, { A: 'own', A_FILE: file('from file') }))
    expect(fault).toContain('A: must not be given together with A_FILE')
    expect(fault).toContain('B: must be set')
    expect(fault).not.toMatch(/own|from file/)
    expect(readConfig({ A: text() }, { A: '', A_FILE: file('from file') })).toEqual({ A: 'from file' })
  })

  test('that cannot be read, or is empty, is a fault of its own and stops nothing from being named', () => {
    const entries = { A: text(), B: text(), C: text(), D: v.optional(text(), 'default') }
    const fault = faultOf(() => readConfig(entries, { A_FILE: '/no/such/file', B_FILE: file('') })) ?? ''
    expect(fault).toContain('A_FILE: cannot be read (ENOENT)')
    expect(fault.match(/^ {2}A/gm)).toHaveLength(1)
    expect(fault).toContain('B: must be set')
    expect(fault).toContain('C: must be set')
    expect(fault).not.toContain('/no/such/file')
    expect(fault).not.toContain('D')
  })
})
