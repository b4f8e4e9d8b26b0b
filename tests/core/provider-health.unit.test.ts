import { expect, onTestFinished, test, vi } from 'vitest'
import { MailerUnavailable, MailRefused } from '../../src/core/mail/mailer.ts'
import { createProviderHealth } from '../../src/core/mail/routing/provider-health.ts'

const TAKEN = { providerId: 'an id' }
const NOT_NOW = new MailerUnavailable('resend-503', { isClearNo: true, retryAfterMs: 7000 })
const SILENT = new MailerUnavailable('resend-silent', { isClearNo: false })
const REFUSED = new MailRefused('resend-422 validation-error')

test('it expects what the provider did last to a real mail', () => {
  const health = createProviderHealth()
  expect(health.expected()).toEqual({ providerId: null })
  health.note('a', NOT_NOW, 12)
  expect(health.expected()).toMatchObject({ isClearNo: true, retryAfterMs: 7000 })
  health.note('b', SILENT, 10_000)
  expect(health.expected()).toMatchObject({ isClearNo: false })
  expect(health.latencyMs()).toBe(10_000)
  health.note('c', TAKEN, 34)
  expect(health.expected()).toEqual({ providerId: null })
  expect(health.latencyMs()).toBe(34)
  health.note('d', REFUSED, 5)
  expect(health.expected()).toBe(REFUSED)
  health.note('e', TAKEN, 6)
  expect(health.expected()).toEqual({ providerId: null })
})

test('that an address is refused says nothing of the next one', () => {
  const health = createProviderHealth()
  health.note('a', new MailRefused('postmark-406 inactive-recipient', { isAboutAddress: true }), 5)
  expect(health.expected()).toEqual({ providerId: null })
})

test('a mail that keeps failing while others come through says nothing of the provider', () => {
  const health = createProviderHealth()
  health.note('poison', NOT_NOW, 1)
  health.note('good', TAKEN, 1)
  health.note('poison', NOT_NOW, 1)
  expect(health.expected()).toEqual({ providerId: null })
  health.note('another', NOT_NOW, 1)
  expect(health.expected()).toMatchObject({ isClearNo: true })
})

test('when it came through at last, its next failure counts', () => {
  const health = createProviderHealth()
  health.note('a', NOT_NOW, 1)
  health.note('b', TAKEN, 1)
  health.note('a', TAKEN, 1)
  health.note('a', NOT_NOW, 1)
  expect(health.expected()).toMatchObject({ isClearNo: true })
})

test('a failure that nobody repeats is forgotten after two minutes', () => {
  let now = 0
  const health = createProviderHealth(() => now)
  health.note('given up', NOT_NOW, 1)
  now = 119_999
  expect(health.expected()).toMatchObject({ isClearNo: true })
  now = 120_000
  expect(health.expected()).toEqual({ providerId: null })
})

test('of several that fail, whichever failed last tells', () => {
  const health = createProviderHealth()
  health.note('a', SILENT, 10_000)
  health.note('b', NOT_NOW, 1)
  health.note('a', SILENT, 9000)
  expect(health.expected()).toMatchObject({ message: 'provider-in-trouble', isClearNo: false })
  expect(health.latencyMs()).toBe(9000)
})

test('by its own clock a failure is forgotten after two minutes, too', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const health = createProviderHealth()
  health.note('given up', NOT_NOW, 1)
  vi.advanceTimersByTime(119_000)
  expect(health.expected()).toMatchObject({ isClearNo: true })
  vi.advanceTimersByTime(1000)
  expect(health.expected()).toEqual({ providerId: null })
})

test('only the last thousand that kept failing are known', () => {
  const health = createProviderHealth()
  for (let index = 0; index < 1001; index += 1) {
    health.note(`mail ${index}`, NOT_NOW, 1)
    health.note('good', TAKEN, 1)
  }
  health.note('mail 1', NOT_NOW, 1)
  expect(health.expected()).toEqual({ providerId: null })
  health.note('mail 0', NOT_NOW, 1)
  expect(health.expected()).toMatchObject({ isClearNo: true })
})
