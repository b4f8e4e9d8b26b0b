import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readApiConfig } from '../../src/api/config.ts'
import type { Budget } from '../../src/core/process/config.ts'

/** What is promised in docs/security.md, held against the defaults that the processes really read. */
const config = readApiConfig({
  DATABASE_URL: 'postgres://localhost/x',
  SECRET_KEY: 'a secret key that only the tests use',
})
const { CODE_ATTEMPTS, LIMIT_GUESSES_PER_MAILBOX, LIMIT_MAILS_PER_MAILBOX } = config

const DAY = 86_400
const YEAR = 365 * DAY
const PROMISES = [
  { span: 'a day', seconds: DAY, chance: 1e-3 },
  { span: 'a year', seconds: YEAR, chance: 1e-2 },
]

/** The most that rolling windows let through in any span: each stretch as long as the window holds its budget at most. */
const mostInRollingWindows = (budgets: Budget[], seconds: number): number =>
  Math.min(...budgets.map((budget) => budget.max * Math.ceil(seconds / budget.seconds)))

/** The same for windows that begin with their first event: one more may begin at the end of the span. */
const mostInFixedWindows = (budgets: Budget[], seconds: number): number =>
  Math.min(...budgets.map((budget) => budget.max * (Math.ceil(seconds / budget.seconds) + 1)))

/** The chance of one guess at a code of so many digits, when others of its attempts are known to be wrong. */
const chanceOfGuess = (digits: number): number => 1 / (10 ** digits - (CODE_ATTEMPTS - 1))

const chanceOf = (guesses: number, digits: number): number => 1 - (1 - chanceOfGuess(digits)) ** guesses

const shortGuesses = (seconds: number) => mostInRollingWindows(LIMIT_GUESSES_PER_MAILBOX, seconds)
const longGuesses = (seconds: number) => mostInFixedWindows(LIMIT_MAILS_PER_MAILBOX, seconds) * CODE_ATTEMPTS

describe.each(PROMISES)("a guesser's chance at a mailbox in $span", ({ seconds, chance }) => {
  test('is below what is promised, with the codes of 8 digits that come after the budget', () => {
    const short = chanceOf(shortGuesses(seconds), 4)
    const long = chanceOf(longGuesses(seconds), 8)
    expect(1 - (1 - short) * (1 - long)).toBeLessThan(chance)
    // A budget that lets nobody guess would keep the promise too.
    expect(short).toBeGreaterThan(chance / 2)
  })

  test('would not be with one digit less, or with the next larger budget', () => {
    expect(chanceOf(shortGuesses(seconds), 3)).toBeGreaterThan(chance)
    expect(chanceOf(Math.ceil(shortGuesses(seconds) * 1.15), 4)).toBeGreaterThan(chance)
  })

  test('is no larger however the guesses are spread over codes, registrations and networks', () => {
    const spread = fc.array(fc.integer({ min: 1, max: CODE_ATTEMPTS }), { maxLength: shortGuesses(seconds) })
    fc.assert(
      fc.property(spread, (guessesPerCode) => {
        let left = shortGuesses(seconds)
        let allWrong = 1
        for (const wanted of guessesPerCode) {
          const made = Math.min(wanted, left)
          left -= made
          // Other codes are other draws; at one code no guess is made twice.
          allWrong *= 1 - made / 10_000
        }
        expect(1 - allWrong).toBeLessThanOrEqual(chanceOf(shortGuesses(seconds), 4))
        expect(1 - allWrong).toBeLessThan(chance)
      }),
    )
  })
})

/** Which of the guesses at these times are let through, by the rule of `isMailboxGuessedOut`. */
const letThrough = (times: number[], budgets: Budget[]): number[] => {
  const through: number[] = []
  for (const at of times.toSorted((a, b) => a - b)) {
    const isOut = budgets.some(({ max, seconds }) => through.filter((earlier) => earlier > at - seconds).length >= max)
    if (!isOut) through.push(at)
  }
  return through
}

test('no day and no year, wherever it begins, holds more than its budget, whenever the guesser comes', () => {
  const times = fc.array(fc.integer({ min: 0, max: 2 * YEAR }).chain(aroundDayEnds), { maxLength: 40 })
  fc.assert(
    fc.property(times, (bursts) => {
      const through = letThrough(bursts.flat(), LIMIT_GUESSES_PER_MAILBOX)
      for (const { seconds } of PROMISES)
        for (const from of through) {
          const inSpan = through.filter((at) => at >= from && at < from + seconds)
          expect(inSpan.length).toBeLessThanOrEqual(shortGuesses(seconds))
        }
    }),
  )
})

/** Bursts of guesses on both sides of a midnight, where a budget per calendar day would be doubled. */
const aroundDayEnds = (at: number): fc.Arbitrary<number[]> =>
  fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 12 })).map(([before, after]) => {
    const midnight = Math.ceil(at / DAY) * DAY
    return [...Array(before).fill(midnight - 1), ...Array(after).fill(midnight + 1)]
  })
