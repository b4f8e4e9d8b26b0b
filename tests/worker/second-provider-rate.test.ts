import { expect, test } from 'vitest'
import { takeSlot } from '../../src/core/postgres/outbox/provider-slots.ts'
import { shareTestDatabase } from '../support/database.ts'

const database = shareTestDatabase()

test('MAIL_FALLBACK_RATE_PER_SECOND is kept over all workers: places are handed out one interval apart', async () => {
  const slot = { provider: 'postmark', perSecond: 10, maxWaitMs: 60_000 }
  const begun = performance.now()
  const waits = await Promise.all(Array.from({ length: 20 }, () => takeSlot(database.pool, slot)))
  const tookMs = performance.now() - begun
  // Twenty places fill 1.9 s from the first; the last is at least that late, but for the time that asking took.
  expect(Math.max(...waits.map(Number))).toBeGreaterThanOrEqual(1900 - tookMs)
  expect(Math.max(...waits.map(Number))).toBeLessThanOrEqual(2000)
})

test('a line that is too long takes nobody, and holds no place', async () => {
  const slot = { provider: 'sendgrid', perSecond: 1, maxWaitMs: 60_000 }
  for (let index = 0; index < 30; index += 1) await takeSlot(database.pool, slot)
  const read = () => database.pool.query("select next_at from provider_slots where provider = 'sendgrid'")
  const before = (await read()).rows
  expect(await takeSlot(database.pool, { ...slot, maxWaitMs: 1000 })).toBeNull()
  expect((await read()).rows).toEqual(before)
})
