import { describe, expect, test } from 'vitest'
import { readApiConfig } from '../../../src/api/config.ts'
import type { Environment } from '../../../src/core/process/config.ts'
import { fileWith } from '../../support/config.ts'
import { GOOD, messageOf, SECRET } from './given.ts'

const read = (environment: Environment = {}) => readApiConfig({ ...GOOD, ...environment })

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

  test('origins are exact, in any number, blanks around them ignored', () => {
    const origins = [
      'https://app.example.com',
      'http://localhost:5173',
      'https://a_b-1.example',
      'http://[2001:db8::1]:81',
    ]
    for (const origin of origins) expect(read({ CORS_ORIGINS: origin }).CORS_ORIGINS).toEqual([origin])
    expect(read({ CORS_ORIGINS: origins.join(' , ') }).CORS_ORIGINS).toEqual(origins)
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
