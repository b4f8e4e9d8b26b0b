import fc from 'fast-check'
import { expect, test } from 'vitest'
import { outboxWorkerOptions } from '../../src/worker/queue/outbox-worker-options.ts'

const limiterFor = (perSecond: number) => {
  const { limiter } = outboxWorkerOptions(1, perSecond)
  if (!limiter) throw new Error('no limiter')
  return limiter
}

const rates = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 100_000 }))

// What is taken in so many milliseconds may reach the provider in one second.
const TAKEN_MS = 1150

test('no second sees more mails than allowed, wherever it begins, even if some reach the provider a little late', () => {
  fc.assert(
    fc.property(rates, (perSecond) => {
      const { max, duration } = limiterFor(perSecond)
      // With one mail a window two mails are as far apart as a window is long; otherwise a window may end as full as the next begins.
      const windows = max === 1 ? Math.ceil(TAKEN_MS / duration) : Math.ceil(TAKEN_MS / duration) + 1
      expect(max * windows).toBeLessThanOrEqual(perSecond)
    }),
  )
})

test('and most of the rate is used', () => {
  fc.assert(
    fc.property(rates, (perSecond) => {
      const { max, duration } = limiterFor(perSecond)
      expect((max * 1000) / duration).toBeGreaterThan(perSecond * 0.7)
    }),
  )
})
