import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backOffMs } from '../../src/core/mail/back-off.ts'

const attempts = fc.integer({ min: 1, max: 1_000_000 })

test('every wait is a whole number between a quarter of a second and half a minute', () => {
  fc.assert(
    fc.property(attempts, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const ms = backOffMs(attempt, () => random)
      expect(Number.isInteger(ms)).toBe(true)
      expect(ms).toBeGreaterThanOrEqual(250)
      expect(ms).toBeLessThanOrEqual(30_000)
    }),
  )
})

test.each([
  [1, 1000],
  [2, 2000],
  [3, 4000],
  [5, 16_000],
  [6, 30_000],
  [100, 30_000],
  [1_000_000, 30_000],
])('after try %i the longest wait is %i ms', (attempt, longest) => {
  expect(backOffMs(attempt, () => 1)).toBe(longest)
})

test('the jitter is full: a crowd spreads over the whole time', () => {
  expect(backOffMs(5, () => 0.5)).toBe(8000)
  expect(backOffMs(5, () => 0.1)).toBe(1600)
  const waits = Array.from({ length: 2000 }, () => backOffMs(7))
  expect(waits.filter((ms) => ms < 15_000).length).toBeGreaterThan(800)
  expect(waits.filter((ms) => ms >= 15_000).length).toBeGreaterThan(800)
})
