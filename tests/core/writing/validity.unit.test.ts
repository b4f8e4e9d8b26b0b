import { expect, test } from 'vitest'
import { runsOfDigits } from '../../../src/core/mail/writing/check-template.ts'
import { SHIPPED_LANGUAGES } from '../../../src/core/mail/writing/languages.ts'
import { validityIn } from '../../../src/core/mail/writing/validity.ts'

// The words change with each second, then with each minute, then, from two hours on, with each hour.
const TIMES = Array.from({ length: 86_400 }, (_, index) => index + 1).filter(
  (ttl) => ttl <= 7260 || [0, 1, 3599].includes(ttl % 3600),
)

test.each(SHIPPED_LANGUAGES)('in %s the time never looks like a code', (locale) => {
  expect(TIMES.filter((ttl) => runsOfDigits(validityIn(locale, ttl)).length > 0)).toEqual([])
})

test.each([
  ['en', 1, '1 second'],
  ['en', 60, '1 minute'],
  ['en', 119, '119 seconds'],
  ['en', 120, '2 minutes'],
  ['en', 3599, '59 minutes'],
  ['en', 7200, '2 hours'],
  ['en', 86_400, '24 hours'],
  ['pl', 120, '2 minuty'],
  ['pl', 300, '5 minut'],
  ['pl', 1320, '22 minuty'],
  ['ar', 120, 'دقيقتان'],
  ['ar', 300, '5 دقائق'],
  ['ja', 60, '1 分'],
  ['zh-Hans', 60, '1分钟'],
])('in %s %i s are %s', (language, seconds, words) => {
  expect(validityIn(language, seconds)).toBe(words)
})

test('a mail never promises more time than there is', () => {
  const units = { second: 1, minute: 60, hour: 3600 }
  for (let ttl = 1; ttl <= 86_400; ttl += 1) {
    const [, amount, unit] = /^(\d+) (second|minute|hour)s?$/.exec(validityIn('en', ttl)) ?? []
    const promised = Number(amount) * (Object.entries(units).find(([name]) => name === unit)?.[1] ?? Number.NaN)
    if (!(promised <= ttl && promised > ttl / 2)) expect([ttl, promised]).toEqual([ttl, ttl])
  }
})
