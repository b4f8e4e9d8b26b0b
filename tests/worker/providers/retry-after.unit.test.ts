import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRetryAfter } from '../../../src/worker/providers/retry-after.ts'

const NOW = Date.UTC(2026, 10, 22, 12, 0, 0)
const WEEK_MS = 7 * 86_400_000

describe('Retry-After', () => {
  test('seconds give their milliseconds, up to a week', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10_000_000 }), (seconds) => {
        expect(readRetryAfter(String(seconds), NOW)).toBe(Math.min(seconds * 1000, WEEK_MS))
      }),
    )
  })

  test('a date gives the time until then: none when it is over, a week at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), (seconds) => {
        const field = new Date(NOW + seconds * 1000).toUTCString()
        expect(readRetryAfter(field, NOW)).toBe(Math.min(Math.max(seconds * 1000, 0), WEEK_MS))
      }),
    )
  })

  test('whatever stands in the field, it is a time between nothing and a week, or null', () => {
    const field = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[A-Z][a-z]{2},? ?[\w: +-]{0,30}$/),
      fc.stringMatching(/^\d{1,400}$/),
      fc.array(fc.string()),
    )
    fc.assert(
      fc.property(field, (value) => {
        const ms = readRetryAfter(value, NOW)
        expect(ms === null || (ms >= 0 && ms <= WEEK_MS)).toBe(true)
      }),
    )
  })

  test.each([
    { field: undefined, ms: null },
    { field: '', ms: null },
    { field: '   ', ms: null },
    { field: 'soon', ms: null },
    { field: '-1', ms: null },
    { field: '+5', ms: null },
    { field: '1.5', ms: null },
    { field: '1e3', ms: null },
    { field: '0x10', ms: null },
    { field: '5 s', ms: null },
    { field: '2026-11-22', ms: null },
    { field: 'Nonsense, 99 Foo 2026', ms: null },
    { field: 'on Sun, 22 Nov 2026 12:01:00 GMT', ms: null },
    { field: 'Su, 22 Nov 2026 12:01:00 GMT', ms: null },
    { field: '0', ms: 0 },
    { field: ' 120 ', ms: 120_000 },
    { field: '007', ms: 7000 },
    { field: ['3', '9'], ms: 3000 },
    { field: [], ms: null },
    { field: '9'.repeat(400), ms: WEEK_MS },
    { field: 'Sun, 22 Nov 2026 12:01:00 GMT', ms: 60_000 },
    { field: 'Sunday, 22-Nov-26 12:01:00 GMT', ms: 60_000 },
    { field: 'Sun Nov 22 12:01:00 2026', ms: 60_000 },
  ])('$field is $ms ms', ({ field, ms }) => {
    expect(readRetryAfter(field, NOW)).toBe(ms)
  })
})
