import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readWorkerConfig } from '../../src/worker/config.ts'

const COMPLETE = {
  DATABASE_URL: 'postgres://latchkey:latchkey@db.example/latchkey',
  SECRET_KEY: 'a secret key that only the tests use',
  MAIL_API_KEY: 're_123',
  MAIL_FROM: 'Latchkey <codes@latchkey.example>',
}

/** The message that the operator reads; fails the test when the configuration is taken. */
const complaintAbout = (environment: Record<string, string | undefined>): string => {
  try {
    readWorkerConfig(environment)
  } catch (error) {
    expect(error).toMatchObject({ name: 'ConfigError' })
    return error instanceof Error ? error.message : ''
  }
  expect.unreachable('the configuration was taken')
}

describe("the worker's configuration", () => {
  test('what must be given is enough, and the rest has the documented defaults', () => {
    expect(readWorkerConfig(COMPLETE)).toEqual({
      DATABASE_URL: COMPLETE.DATABASE_URL,
      SECRET_KEY: [COMPLETE.SECRET_KEY],
      LOG_LEVEL: 'info',
      DATABASE_SCHEMA: 'public',
      CODE_TTL_SECONDS: 60,
      DEFAULT_LOCALE: 'en',
      SERVICE_NAME: 'Latchkey',
      CODE_ATTEMPTS: 3,
      LIMIT_GUESSES_PER_MAILBOX: [
        { max: 9, seconds: 86_400 },
        { max: 90, seconds: 365 * 86_400 },
      ],
      KEEP_ALIVE_SECONDS: 65,
      QUEUE_PREFIX: 'bull',
      OPS_PORT: 3002,
      TRUSTED_PROXIES: [],
      MAIL_PROVIDER: 'resend',
      MAIL_URL: 'https://api.resend.com',
      MAIL_API_KEY: 're_123',
      MAIL_FROM: COMPLETE.MAIL_FROM,
      MAIL_TIMEOUT_MS: 10_000,
      MAIL_CONCURRENCY: 50,
      MAIL_GIVE_UP_AFTER: 3600,
      WEBHOOK_GIVE_UP_AFTER: 259_200,
      fallback: null,
    })
  })

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

  test('with WEBHOOK_URL a secret must be there, and a list of them rotates it', () => {
    const WEBHOOK_URL = 'https://hooks.example/latchkey'
    expect(complaintAbout({ ...COMPLETE, WEBHOOK_URL })).toContain('WEBHOOK_SECRET: must be set too, as WEBHOOK_URL is')
    for (const faulty of ['hunter2', 'https://ada:hunter2@hooks.example/', 'ftp://hunter2.example'])
      expect(complaintAbout({ ...COMPLETE, WEBHOOK_URL: faulty })).toMatch(/^ {2}WEBHOOK_URL: must (?!.*hunter2)/m)
    const [one, two] = ['whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', 'whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=']
    const config = readWorkerConfig({ ...COMPLETE, WEBHOOK_URL, WEBHOOK_SECRET: `${one}, ${two}` })
    expect(config.WEBHOOK_SECRET).toEqual([one, two])
    const twice = complaintAbout({ ...COMPLETE, WEBHOOK_URL, WEBHOOK_SECRET: `${one}, ${one}` })
    expect(twice).toContain('WEBHOOK_SECRET: must not hold the same key twice')
    expect(twice).not.toContain(one)
  })

  test('both of OPS_USER and OPS_PASSWORD, or none, are taken', () => {
    expect(readWorkerConfig({ ...COMPLETE, OPS_USER: 'operator', OPS_PASSWORD: 'p:w' })).toMatchObject({
      OPS_USER: 'operator',
      OPS_PASSWORD: 'p:w',
    })
    expect(readWorkerConfig({ ...COMPLETE, OPS_USER: '', OPS_PASSWORD: '' }).OPS_USER).toBeUndefined()
  })

  test.each([
    { given: {}, url: 'https://api.resend.com' },
    { given: { MAIL_PROVIDER: 'resend' }, url: 'https://api.resend.com' },
    { given: { MAIL_PROVIDER: 'postmark' }, url: 'https://api.postmarkapp.com' },
    { given: { MAIL_PROVIDER: 'postmark', MAIL_URL: 'http://127.0.0.1:3003' }, url: 'http://127.0.0.1:3003' },
  ])('with $given mails go to $url', ({ given, url }) => {
    expect(readWorkerConfig({ ...COMPLETE, ...given }).MAIL_URL).toBe(url)
  })

  test.each([
    { given: { MAIL_PROVIDER: 'ses' }, faults: ['MAIL_API_KEY', 'MAIL_REGION'] },
    { given: { MAIL_PROVIDER: 'ses', MAIL_REGION: 'eu-central-1' }, faults: ['MAIL_API_KEY'] },
    { given: { MAIL_PROVIDER: 'ses', MAIL_REGION: 'eu-central-1', MAIL_API_KEY: undefined }, faults: [] },
    { given: { MAIL_PROVIDER: 'ses', MAIL_REGION: 'eu-central-1', MAIL_API_KEY: 'AKID:secret:token' }, faults: [] },
    { given: { MAIL_PROVIDER: 'mailgun', MAIL_REGION: 'mars' }, faults: ['MAIL_REGION'] },
    { given: { MAIL_PROVIDER: 'mailpit', MAIL_API_KEY: undefined }, faults: [] },
    { given: { MAIL_FALLBACK_PROVIDER: 'brevo' }, faults: ['MAIL_FALLBACK_API_KEY'] },
    { given: { MAIL_FALLBACK_PROVIDER: 'hunter2' }, faults: ['MAIL_FALLBACK_PROVIDER', 'MAIL_FALLBACK_API_KEY'] },
    { given: { MAIL_FALLBACK_PROVIDER: 'ses', MAIL_FALLBACK_REGION: 'eu-west-1' }, faults: [] },
    { given: { MAIL_FALLBACK_API_KEY: 'hunter2' }, faults: ['MAIL_FALLBACK_PROVIDER'] },
    { given: { MAIL_FALLBACK_URL: 'https://hunter2.example' }, faults: ['MAIL_FALLBACK_PROVIDER'] },
    { given: { MAIL_FALLBACK_API_KEY: '', MAIL_FALLBACK_URL: '' }, faults: [] },
    { given: { HTTPS_PROXY: 'hunter2' }, faults: ['HTTPS_PROXY'] },
  ])('with $given the faults are $faults', ({ given, faults }) => {
    if (faults.length === 0) return void readWorkerConfig({ ...COMPLETE, ...given })
    const complaint = complaintAbout({ ...COMPLETE, ...given })
    expect(
      complaint
        .match(/^ +([A-Z_]+): /gm)
        ?.map((line) => line.trim().slice(0, -1))
        .toSorted(),
    ).toEqual(faults.toSorted())
    expect(complaint).not.toContain('hunter2')
  })

  test('the second provider takes the sender of the first, and has its own address', () => {
    const given = {
      MAIL_FALLBACK_PROVIDER: 'brevo',
      MAIL_FALLBACK_API_KEY: 'key-2',
      MAIL_FALLBACK_RATE_PER_SECOND: '5',
    }
    expect(readWorkerConfig({ ...COMPLETE, ...given }).fallback).toMatchObject({
      provider: 'brevo',
      url: 'https://api.brevo.com',
      apiKey: 'key-2',
      from: COMPLETE.MAIL_FROM,
      ratePerSecond: 5,
    })
  })

  test('a secret may stand in a file, and a file that cannot be read is named without its path', () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'key')
    writeFileSync(file, 're_from_file\n')
    const inFile = { ...COMPLETE, MAIL_API_KEY: undefined, MAIL_API_KEY_FILE: file }
    expect(readWorkerConfig(inFile).MAIL_API_KEY).toBe('re_from_file')
    const complaint = complaintAbout({ ...inFile, MAIL_API_KEY_FILE: join(folder, 'hunter2') })
    expect(complaint).toContain('MAIL_API_KEY_FILE: ')
    expect(complaint).not.toContain('hunter2')
  })
})
