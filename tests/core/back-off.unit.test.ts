import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backOffMs } from '../../src/core/mail/back-off.ts'

const attempts = fc.integer({ min: 1, max: 1_000_000 })

test('every wait is a whole number between a quarter of a second and a minute', () => {
  fc.assert(
    fc.property(attempts, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const ms = backOffMs(attempt, () => random)
      expect(Number.isInteger(ms)).toBe(true)
      expect(ms).toBeGreaterThanOrEqual(250)
      expect(ms).toBeLessThanOrEqual(60_000)
    }),
  )
})

test.each([
  [1, 1000],
  [2, 2000],
  [3, 4000],
  [6, 32_000],
  [7, 60_000],
  [100, 60_000],
  [1_000_000, 60_000],
])('after try %i the longest wait is %i ms', (attempt, longest) => {
  expect(backOffMs(attempt, () => 1)).toBe(longest)
})

test('the jitter is full: a crowd spreads over the whole time', () => {
  expect(backOffMs(6, () => 0.5)).toBe(16_000)
  expect(backOffMs(6, () => 0.1)).toBe(3200)
  const waits = Array.from({ length: 2000 }, () => backOffMs(7))
  expect(waits.filter((ms) => ms < 30_000).length).toBeGreaterThan(800)
  expect(waits.filter((ms) => ms >= 30_000).length).toBeGreaterThan(800)
})
