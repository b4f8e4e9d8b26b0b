import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GOOD, messageOf, SECRET } from './given.ts'

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
          'https://hush*.example',
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

test('an origin that is none says what one is', () => {
  expect(messageOf({ ...GOOD, CORS_ORIGINS: '*' })).toContain(
    '  CORS_ORIGINS: must be a comma-separated list of exact origins such as https://app.example.com, as browsers send them',
  )
})

test('no value of any variable is ever shown in the message', () => {
  const names = ['DATABASE_URL', 'SECRET_KEY', 'PORT', 'LIMIT_MAILS_PER_MAILBOX', 'TRUSTED_PROXIES', 'BCRYPT_COST']
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.stringMatching(/^[0-9a-f]{12,20}$/), (name, value) => {
      expect(messageOf({ ...GOOD, [name]: `zz${value}` })).not.toContain(value)
    }),
  )
})
