import { describe, expect, test } from 'vitest'
import { readWorkerConfig } from '../../../src/worker/config.ts'
import { fileWith } from '../../support/config.ts'
import { COMPLETE, complaintAbout } from './given.ts'

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

  test('a secret may stand in a file, and a file that cannot be read is named without its path', () => {
    const file = fileWith('re_from_file\n')
    const inFile = { ...COMPLETE, MAIL_API_KEY: undefined, MAIL_API_KEY_FILE: file }
    expect(readWorkerConfig(inFile).MAIL_API_KEY).toBe('re_from_file')
    const complaint = complaintAbout({ ...inFile, MAIL_API_KEY_FILE: `${file}-hunter2` })
    expect(complaint).toContain('MAIL_API_KEY_FILE: ')
    expect(complaint).not.toContain('hunter2')
  })
})
