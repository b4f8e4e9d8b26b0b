import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import type { Environment } from '../../src/core/process/config.ts'

const SECRET = 's3cret-'.repeat(5)
const GOOD = { DATABASE_URL: 'postgres://ada:hush@db.example/latchkey', SECRET_KEY: SECRET }
const read = (environment: Environment = {}) => readApiConfig({ ...GOOD, ...environment })
const messageOf = (environment: Environment): string => {
  try {
    readApiConfig(environment)
  } catch (error) {
    if (error instanceof Error && error.name === 'ConfigError') return error.message
    throw error
  }
  return ''
}
const fileWith = (content: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'value'), content)
  return join(folder, 'value')
}

test('the defaults are those of the contract', () => {
  expect(read()).toEqual({
    DATABASE_URL: GOOD.DATABASE_URL,
    SECRET_KEY: [SECRET],
    PORT: 3000,
    OPS_PORT: 3001,
    KEEP_ALIVE_SECONDS: 65,
    LOG_LEVEL: 'info',
    DATABASE_SCHEMA: 'public',
    CODE_TTL_SECONDS: 60,
    CODE_ATTEMPTS: 3,
    RESEND_COOLDOWN_SECONDS: 30,
    BCRYPT_COST: 12,
    PASSWORD_MIN_LENGTH: 8,
    CORS_ORIGINS: [],
    DEFAULT_LOCALE: 'en',
    SERVICE_NAME: 'Latchkey',
    LIMIT_REGISTRATIONS_PER_NET: [
      { max: 20, seconds: 3600 },
      { max: 60, seconds: 86_400 },
    ],
    LIMIT_WRONG_CODES_PER_NET: [
      { max: 20, seconds: 3600 },
      { max: 60, seconds: 86_400 },
    ],
    LIMIT_MAILS_PER_MAILBOX: [
      { max: 8, seconds: 3600 },
      { max: 16, seconds: 86_400 },
    ],
    LIMIT_GUESSES_PER_MAILBOX: [
      { max: 9, seconds: 86_400 },
      { max: 90, seconds: 365 * 86_400 },
    ],
    LIMIT_FAILED_LOGINS_PER_USER: [{ max: 10, seconds: 3600 }],
    LIMIT_FAILED_LOGINS_PER_NET: [{ max: 60, seconds: 3600 }],
    TRUSTED_PROXIES: [],
  })
})

describe('a wrong or missing value', () => {
  test('is named with all others in one message', () => {
    const message = messageOf({ PORT: 'web', BCRYPT_COST: '16', LIMIT_MAILS_PER_MAILBOX: 'many' })
    for (const name of ['DATABASE_URL', 'SECRET_KEY', 'PORT', 'BCRYPT_COST', 'LIMIT_MAILS_PER_MAILBOX'])
      expect(message).toMatch(new RegExp(`^\\s*${name}\\b`, 'm'))
    expect(message).not.toMatch(/TRUSTED_PROXIES|OPS_PORT/)
  })

  test.each([
    ['DATABASE_URL', ['', 'hush', 'mysql://hush@db/x', 'http://hush', '//hush']],
    ['SECRET_KEY', ['', 'hush', 'h'.repeat(31), `${SECRET},hush`, `${SECRET},`, ' '.repeat(40)]],
    ['PORT', ['-1', '65536', '1.5', 'hush', '0x50', '3000 ', '1e3']],
    ['OPS_PORT', ['-1', '65536', 'hush']],
    ['SERVICE_NAME', ['hush\nhush', 'hush 1234', 'hush 12345678', 'hush'.repeat(17)]],
    [
      'CORS_ORIGINS',
      [
        ...[
          '*',
          'null',
          'hush.example',
          'https://hush.example/',
          'https://hush.example/path',
          'https://*.hush.example',
        ],
        ...['https://HUSH.example', 'https://hush.example:443', 'ftp://hush.example', 'https://user@hush.example'],
        ...[
          'https://hush.example,',
          'https://hush.example,,https://b.example',
          'https://hush.example https://b.example',
        ],
        ...['https://hush.example,*', 'https://hüsh.example', 'https://hush.example?a', '//hush.example'],
      ],
    ],
    ['DEFAULT_LOCALE', ['hush_hush', 'h']],
    ['CODE_TTL_SECONDS', ['0', '-60', '1.5', '1m', 'hush']],
    ['CODE_ATTEMPTS', ['0', '-3', '2.5', 'hush']],
    ['RESEND_COOLDOWN_SECONDS', ['-1', '0.5', '30s', 'hush']],
    ['BCRYPT_COST', ['3', '16', '12.5', 'hush']],
    ['PASSWORD_MIN_LENGTH', ['0', '257', 'hush']],
    [
      'LIMIT_REGISTRATIONS_PER_NET',
      [
        '20',
        '20/',
        '/1h',
        '20/1',
        '20/1w',
        '-1/1h',
        '0/1h',
        '20/0s',
        '20/1.5h',
        '1/1h,',
        'OFFF',
        '20/1h;60/24h',
        '20/1h off',
      ],
    ],
    [
      'TRUSTED_PROXIES',
      [
        'hush',
        '10.0.0.0/33',
        '10.0.0.0/8,hush',
        '10.0.0.0/8;11.0.0.0/8',
        '300.1.1.1',
        'fd00::/129',
        '10/8',
        '10',
        '10.1',
        '0x7f.1',
      ],
    ],
    ['LOG_LEVEL', ['hush', 'INFORMATION']],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['hush', 'grpc://hush:4317', 'localhost:4318', '//hush']],
  ])('of %s is refused without being shown', (name, values) => {
    for (const value of values) {
      const message = messageOf({ ...GOOD, [name]: value })
      if (value === '' && !['DATABASE_URL', 'SECRET_KEY'].includes(name)) continue
      expect([value, message]).toEqual([value, expect.stringContaining(name)])
      expect(message).not.toContain('hush')
      expect(message.match(/^ +\w/gm)).toHaveLength(1)
    }
  })
})

describe('good values', () => {
  test.each(['postgres://db/x', 'postgresql://u:p@db:5432/x?sslmode=require'])('%s is a database', (DATABASE_URL) => {
    expect(read({ DATABASE_URL }).DATABASE_URL).toBe(DATABASE_URL)
  })

  test('a list of secrets is newest first, blanks around them ignored', () => {
    expect(read({ SECRET_KEY: `${'a'.repeat(32)} , ${'b'.repeat(32)}` }).SECRET_KEY).toEqual([
      'a'.repeat(32),
      'b'.repeat(32),
    ])
  })

  test('limits may be off, or have any number of windows', () => {
    expect(read({ LIMIT_MAILS_PER_MAILBOX: 'off' }).LIMIT_MAILS_PER_MAILBOX).toEqual([])
    expect(read({ LIMIT_MAILS_PER_MAILBOX: '1/10s, 2/5m,3/2h,4/1d' }).LIMIT_MAILS_PER_MAILBOX).toEqual([
      { max: 1, seconds: 10 },
      { max: 2, seconds: 300 },
      { max: 3, seconds: 7200 },
      { max: 4, seconds: 86_400 },
    ])
  })

  test('the cool-down may be 0, the cost 4 to 15', () => {
    expect(read({ RESEND_COOLDOWN_SECONDS: '0' }).RESEND_COOLDOWN_SECONDS).toBe(0)
    expect(read({ BCRYPT_COST: '4' }).BCRYPT_COST).toBe(4)
    expect(read({ BCRYPT_COST: '15' }).BCRYPT_COST).toBe(15)
  })

  test('an empty optional value is one that is not set', () => {
    expect(read({ PORT: '', LIMIT_MAILS_PER_MAILBOX: '', TRUSTED_PROXIES: '' })).toEqual(read())
  })

  test('the names that only the other process reads are known, and a misspelt limit or code name is refused', () => {
    const theirs = { MAIL_FROM: '', LIMIT_GUESSES_PER_MAILBOX: '9/24h', MAIL_CONCURRENCY: 'many' }
    expect(messageOf({ ...GOOD, ...theirs })).toBe('')
    const wrong = {
      LIMIT_REGISTRATION_PER_NET: 'hush/1h',
      LIMIT_GUESSES: 'hush',
      CODE_TTL_SECOND: 'hush',
      CODE_ATTEMPT_FILE: '/hush',
      MAIL_FORM: 'hush',
    }
    const message = messageOf({ ...GOOD, ...wrong, PORT: 'hush' })
    expect(message.match(/^ +\w+/gm)?.map((name) => name.trim())).toEqual([
      'CODE_ATTEMPT_FILE',
      'CODE_TTL_SECOND',
      'LIMIT_GUESSES',
      'LIMIT_REGISTRATION_PER_NET',
      'PORT',
    ])
    expect(message).not.toContain('hush')
  })

  test('the mail provider is not asked for', () => {
    expect(messageOf({ ...GOOD, MAIL_API_KEY: undefined })).toBe('')
  })
})

describe('NAME_FILE', () => {
  test.each(['', '\n', '\r\n'])('gives the value, less the end of the line %j', (end) => {
    const config = readApiConfig({
      DATABASE_URL_FILE: fileWith(`${GOOD.DATABASE_URL}${end}`),
      SECRET_KEY_FILE: fileWith(`${SECRET}${end}`),
    })
    expect(config).toMatchObject({ DATABASE_URL: GOOD.DATABASE_URL, SECRET_KEY: [SECRET] })
  })

  test('that cannot be read is named, without its path or content', () => {
    const message = messageOf({ ...GOOD, SECRET_KEY: undefined, SECRET_KEY_FILE: '/nowhere/hush' })
    expect(message).toContain('SECRET_KEY')
    expect(message).not.toContain('hush')
  })

  test('with a wrong value is refused by its name', () => {
    const message = messageOf({ ...GOOD, SECRET_KEY: '', SECRET_KEY_FILE: fileWith('too short') })
    expect(message).toContain('SECRET_KEY')
    expect(message).not.toContain('too short')
  })
})

test('no value of any variable is ever shown in the message', () => {
  const names = ['DATABASE_URL', 'SECRET_KEY', 'PORT', 'LIMIT_MAILS_PER_MAILBOX', 'TRUSTED_PROXIES', 'BCRYPT_COST']
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.stringMatching(/^[0-9a-f]{12,20}$/), (name, value) => {
      expect(messageOf({ ...GOOD, [name]: `zz${value}` })).not.toContain(value)
    }),
  )
})
