import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MailerUnavailable, MailRefused } from '../../../src/core/mail/mailer.ts'
import type { Provider } from '../../../src/core/mail/providers/provider.ts'
import { judgeAnswer } from '../../../src/worker/providers/judge-answer.ts'

/** A provider whose answers are an id, or a code. */
const provider: Provider = {
  publicUrl: () => '',
  connect: () => () => ({ path: '', headers: {}, body: '' }),
  readId: ({ body }) => (body.startsWith('id') ? body : undefined),
  readCode: ({ body }) => (body === '' ? undefined : body),
  meanings: {
    mail: ['bad-mail', 'this-mail'],
    address: ['bad-address', 'this-address'],
    17: ['bad-key', 'us'],
    x17: ['bad-sender', 'us'],
    taken: ['copy', 'taken'],
    key: ['used', 'key-unusable'],
    wait: ['slower', 'wait'],
    silence: ['working', 'silence'],
  },
  reports: null,
}

const judge = (status: number, body = '', headers: Record<string, string> = {}) => {
  try {
    return judgeAnswer('resend', provider, { status, headers, body, json: undefined })
  } catch (error) {
    if (error instanceof MailRefused || error instanceof MailerUnavailable) return { ...error, message: error.message }
    throw error
  }
}

const unavailable = (message: string, details: object) => ({
  ...{ name: 'MailerUnavailable', message, isClearNo: true, isAboutUs: false, isKeyUnusable: false },
  ...{ isForEverybody: false, retryAfterMs: null },
  ...details,
})

describe('what an answer means', () => {
  test.each([
    [200, 'id-1', { providerId: 'id-1' }],
    [299, 'id-1', { providerId: 'id-1' }],
    [199, 'id-1', unavailable('resend-199', {})],
    [300, 'id-1', unavailable('resend-300', {})],
    [200, '', unavailable('resend-answer-unreadable', { isClearNo: false })],
    [200, 'unknown', unavailable('resend-answer-unreadable', { isClearNo: false })],
    [200, 'mail', { name: 'MailRefused', message: 'resend-200 bad-mail', isAboutAddress: false }],
    [422, 'mail', { name: 'MailRefused', message: 'resend-422 bad-mail', isAboutAddress: false }],
    [422, 'address', { name: 'MailRefused', message: 'resend-422 bad-address', isAboutAddress: true }],
    [422, '17', unavailable('resend-17 bad-key', { isAboutUs: true })],
    [422, 'x17', unavailable('resend-422 bad-sender', { isAboutUs: true })],
    [422, 'constructor', unavailable('resend-422', { isAboutUs: true })],
    [422, '18', unavailable('resend-422', { isAboutUs: true })],
    [409, 'taken', { providerId: null }],
    [409, 'key', unavailable('resend-409 used', { isKeyUnusable: true })],
    [400, 'wait', unavailable('resend-400 slower', {})],
    [409, 'silence', unavailable('resend-409 working', { isClearNo: false })],
    [399, '', unavailable('resend-399', {})],
    [400, '', unavailable('resend-400', { isAboutUs: true })],
    [408, '', unavailable('resend-408', {})],
    [425, '', unavailable('resend-425', {})],
    [429, '', unavailable('resend-429', { isForEverybody: true })],
    [499, '', unavailable('resend-499', { isAboutUs: true })],
    [500, '', unavailable('resend-500', { isClearNo: false })],
    [503, '', unavailable('resend-503', {})],
  ])('a %i with "%s"', (status, body, end) => {
    expect(judge(status, body)).toEqual(end)
  })
})

describe('for how long', () => {
  const NOW = Date.UTC(2026, 10, 27, 12, 0, 0, 500)
  const TEN_MINUTES_MS = 600_000
  beforeEach(() => {
    vi.useFakeTimers({ now: NOW, toFake: ['Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const reset = (seconds: number) => ({ 'x-ratelimit-reset': String(Math.floor(NOW / 1000) + seconds) })

  test.each([
    [403, { 'retry-after': '17' }, { retryAfterMs: 17_000, isForEverybody: false }],
    [403, { 'retry-after': '3600' }, { retryAfterMs: 3_600_000, isForEverybody: false }],
    [429, { 'retry-after': '17' }, { retryAfterMs: 17_000, isForEverybody: true }],
    [429, { 'retry-after': '3600' }, { retryAfterMs: TEN_MINUTES_MS, isForEverybody: true }],
    [503, { 'retry-after': '3600' }, { retryAfterMs: TEN_MINUTES_MS, isForEverybody: true }],
    [503, {}, { retryAfterMs: null, isForEverybody: false }],
    [429, reset(30), { retryAfterMs: 30_000, isForEverybody: true }],
    [429, { ...reset(30), 'retry-after': '17' }, { retryAfterMs: 17_000, isForEverybody: true }],
    [429, reset(-30), { retryAfterMs: 0, isForEverybody: true }],
    [503, reset(30), { retryAfterMs: null, isForEverybody: false }],
    [429, { 'x-ratelimit-reset': '30' }, { retryAfterMs: null, isForEverybody: true }],
    [429, { 'x-ratelimit-reset': `x${reset(30)['x-ratelimit-reset']}` }, { retryAfterMs: null, isForEverybody: true }],
    [429, { 'x-ratelimit-reset': `${reset(30)['x-ratelimit-reset']}00` }, { retryAfterMs: null, isForEverybody: true }],
    [429, { 'x-ratelimit-reset': '999999999' }, { retryAfterMs: 0, isForEverybody: true }],
    [429, { 'x-ratelimit-reset': '99999999999' }, { retryAfterMs: TEN_MINUTES_MS, isForEverybody: true }],
  ])('a %i with %j', (status, headers, end) => {
    expect(judge(status, '', headers)).toMatchObject(end)
  })
})
