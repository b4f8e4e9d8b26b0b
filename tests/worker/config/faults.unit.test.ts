import { describe, expect, test } from 'vitest'
import { COMPLETE, complaintAbout } from './given.ts'

describe("the worker's configuration", () => {
  test('nothing given is complained about in one message that names all that must be', () => {
    const complaint = complaintAbout({})
    for (const name of Object.keys(COMPLETE)) expect(complaint).toMatch(new RegExp(`^ +${name}: `, 'm'))
    expect(complaint.match(/^ +[A-Z_]+: /gm)).toHaveLength(4)
  })

  test.each([
    { name: 'DATABASE_URL', value: 'mysql://root:hunter2@db/latchkey' },
    { name: 'DATABASE_URL', value: 'hunter2' },
    { name: 'REDIS_URL', value: 'http://:hunter2@redis:6379' },
    { name: 'WEBHOOK_SECRET', value: 'hunter2' },
    { name: 'WEBHOOK_SECRET', value: 'whsec_aHVudGVyMg==' },
    { name: 'WEBHOOK_SECRET', value: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz,whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz' },
    { name: 'WEBHOOK_GIVE_UP_AFTER', value: '3' },
    { name: 'REDIS_URL', value: 'redis://:hunter2@one:6379,two:6379' },
    { name: 'REDIS_URL', value: 'redis+sentinel://:hunter2@one:26379,two:26379' },
    { name: 'REDIS_URL', value: 'redis+cluster://:hunter2@one:6379/3' },
    { name: 'QUEUE_PREFIX', value: 'hunter2:{x}' },
    { name: 'SECRET_KEY', value: 'hunter2' },
    { name: 'SECRET_KEY', value: `${'k'.repeat(32)},hunter2` },
    { name: 'LOG_LEVEL', value: 'hunter2' },
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'grpc://hunter2:4317' },
    { name: 'OPS_PORT', value: '65536' },
    { name: 'OPS_PORT', value: 'hunter2' },
    { name: 'CODE_TTL_SECONDS', value: '0' },
    { name: 'CODE_ATTEMPTS', value: '-3' },
    { name: 'LIMIT_GUESSES_PER_MAILBOX', value: '9/hunter2' },
    { name: 'MAIL_PROVIDER', value: 'hunter2' },
    { name: 'MAIL_PROVIDER', value: 'constructor' },
    { name: 'MAIL_URL', value: 'ftp://hunter2' },
    { name: 'MAIL_API_KEY', value: 'hunter2 with a space' },
    { name: 'MAIL_API_KEY', value: 'hunter2\r\nX-Injected: 1' },
    { name: 'MAIL_FROM', value: 'hunter2' },
    { name: 'MAIL_FROM', value: '@' },
    { name: 'MAIL_FROM', value: 'Latchkey <hunter2>' },
    { name: 'HOST', value: '999.999.999.999' },
    { name: 'HOST', value: 'hunter2 !' },
    { name: 'REDIS_URL', value: 'redis://127.0.0.1:6379/hunter2' },
    { name: 'LIMIT_GUESSES_PER_MAILBOX', value: '90/730d' },
    { name: 'LIMIT_GUESSES_PER_MAILBOX', value: '9/24h,90/1d' },
    { name: 'MAIL_FROM', value: 'a@hunter2\r\nBcc: b@hunter2' },
    { name: 'MAIL_TIMEOUT_MS', value: '99' },
    { name: 'MAIL_TIMEOUT_MS', value: '1e4' },
    { name: 'MAIL_CONCURRENCY', value: '0' },
    { name: 'MAIL_RATE_PER_SECOND', value: '0.5' },
    { name: 'MAIL_GIVE_UP_AFTER', value: '3600' },
    { name: 'MAIL_GIVE_UP_AFTER', value: '0h' },
    { name: 'OPS_USER', value: 'hunter2:', also: { OPS_PASSWORD: 'x' } },
  ])('$name="$value" is complained about by its name, without the value', ({ name, value, also }) => {
    const complaint = complaintAbout({ ...COMPLETE, ...also, [name]: value })
    expect(complaint).toMatch(new RegExp(`^ +${name}: must`, 'm'))
    expect(complaint.match(/^ +[A-Z_]+: /gm)).toHaveLength(1)
    expect(complaint).not.toContain('hunter2')
  })

  test('several faults stand in one message', () => {
    const faulty = { ...COMPLETE, DATABASE_URL: 'hunter2', MAIL_FROM: undefined, MAIL_GIVE_UP_AFTER: 'hunter2' }
    const complaint = complaintAbout(faulty)
    for (const name of ['DATABASE_URL', 'MAIL_FROM', 'MAIL_GIVE_UP_AFTER']) expect(complaint).toContain(`${name}: `)
    expect(complaint).not.toContain('hunter2')
  })

  test('a fault elsewhere does not hide that only one of OPS_USER and OPS_PASSWORD is set', () => {
    const complaint = complaintAbout({ ...COMPLETE, OPS_USER: 'operator', MAIL_TIMEOUT_MS: 'hunter2' })
    for (const name of ['OPS_PASSWORD', 'MAIL_TIMEOUT_MS']) expect(complaint).toContain(name)
  })

  test.each([
    { given: { OPS_USER: 'hunter2' } },
    { given: { OPS_PASSWORD: 'hunter2' } },
    { given: { OPS_USER: 'hunter2', OPS_PASSWORD: '' } },
  ])('one of OPS_USER and OPS_PASSWORD without the other is a fault that names both', ({ given }) => {
    const complaint = complaintAbout({ ...COMPLETE, ...given })
    expect(complaint).toContain('OPS_USER')
    expect(complaint).toContain('OPS_PASSWORD')
    expect(complaint).not.toContain('hunter2')
  })
})
