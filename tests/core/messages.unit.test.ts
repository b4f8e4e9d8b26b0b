import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codeMessage, noticeMessage } from '../../src/core/mail/messages.ts'
import { createPublicRef } from '../../src/core/registration/public-ref.ts'

const TO = 'ada@example.com'
const refs = fc.constant(null).map(createPublicRef)
const codes = fc.stringMatching(/^(?:[0-9]{4}|[0-9]{8})$/)
const ttls = fc.integer({ min: 1, max: 86_400 })

const codesIn = (text: string) => text.match(/(?<!\d)(?:\d{4}|\d{8})(?!\d)/g)

test('a public reference has four characters of which one is a digit', () => {
  for (let n = 0; n < 5000; n += 1) expect(createPublicRef()).toMatch(/^[B-DF-HJ-NP-TV-XZ][2-9][B-DF-HJ-NP-TV-XZ]{2}$/)
})

test('public references differ', () => {
  expect(new Set(Array.from({ length: 1000 }, createPublicRef)).size).toBeGreaterThan(950)
})

test('the code stands alone on one line of the text', () => {
  fc.assert(
    fc.property(refs, codes, ttls, (ref, code, ttl) => {
      const { text } = codeMessage(TO, ref, code, ttl)
      expect(text.split('\n').filter((line) => line === code)).toHaveLength(1)
    }),
  )
})

test('no other run of four or eight digits is in the text, for any reference and any time to live', () => {
  fc.assert(
    fc.property(refs, codes, (ref, code) => {
      expect(codesIn(codeMessage(TO, ref, code, 60).text)).toEqual([code])
    }),
  )
  const wrong = Array.from({ length: 86_400 }, (_, index) => index + 1).filter(
    (ttl) => codesIn(codeMessage(TO, 'K7QX', '0042', ttl).text)?.join() !== '0042',
  )
  expect(wrong).toEqual([])
})

test('the same code has the same bytes on every try', () => {
  fc.assert(
    fc.property(refs, codes, ttls, (ref, code, ttl) => {
      expect(codeMessage(TO, ref, code, ttl)).toEqual(codeMessage(TO, ref, code, ttl))
    }),
  )
  expect(noticeMessage(TO, 'K7QX')).toEqual(noticeMessage(TO, 'K7QX'))
})

test('subject and text carry the reference, and the subject no code', () => {
  const mail = codeMessage(TO, 'K7QX', '0042', 60)
  expect(mail).toMatchObject({ to: TO, subject: expect.stringContaining('K7QX') })
  expect(mail.text).toContain('K7QX')
  expect(mail.html).toContain('0042')
  expect(mail.subject).not.toContain('0042')
})

test.each([
  [30, '30 seconds'],
  [60, 'one minute'],
  [119, '119 seconds'],
  [120, '2 minutes'],
  [300, '5 minutes'],
  [3599, '59 minutes'],
  [7200, '2 hours'],
  [86_400, '24 hours'],
])('a code of %i s is said to be valid for %s', (ttl, words) => {
  expect(codeMessage(TO, 'K7QX', '0042', ttl).text).toContain(`valid for at most ${words} `)
})

test('a mail never promises more time than there is', () => {
  const units = { second: 1, minute: 60, hour: 3600 }
  const promised = (ttl: number) => {
    const text = codeMessage(TO, 'K7QX', '0042', ttl).text.replace('one minute', '1 minute')
    const [, amount, unit] = /valid for at most (\d+) (second|minute|hour)/.exec(text) ?? []
    return Number(amount) * (Object.entries(units).find(([name]) => name === unit)?.[1] ?? Number.NaN)
  }
  fc.assert(
    fc.property(ttls, (ttl) => {
      expect(promised(ttl)).toBeLessThanOrEqual(ttl)
      expect(promised(ttl)).toBeGreaterThan(ttl / 2)
    }),
  )
})

test('the notice to an owner has no code', () => {
  fc.assert(
    fc.property(refs, (ref) => {
      const mail = noticeMessage(TO, ref)
      expect(codesIn(mail.text)).toBeNull()
      expect(codesIn(mail.subject)).toBeNull()
      expect(mail.text).toContain(ref)
    }),
  )
})

test('the mail promises no more time than a code has that was sent before and got no answer', () => {
  expect(codeMessage('ada@example.com', 'K7QX', '1234', 60).text).toContain('for at most one minute from the moment')
})
