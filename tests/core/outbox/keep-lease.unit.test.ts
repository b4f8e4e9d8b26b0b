import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keepLease } from '../../../src/core/outbox/keep-lease.ts'
import { createPool } from '../../../src/core/postgres/pool.ts'
import { silent } from '../../support/database.ts'

const HELD = { id: 'a-row', token: 'a-token' }
const pool = createPool('postgres://nobody@127.0.0.1:1/none', { max: 1, name: 'test', logger: silent })

let renewals: unknown[]
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  renewals = []
  vi.spyOn(pool, 'query').mockImplementation(async (_statement, values) => {
    renewals.push(values)
    throw new Error('gone')
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('a lease of seven seconds is renewed every two while the work lasts, and no longer, though none may succeed', async () => {
  const work = Promise.withResolvers<string>()
  const kept = keepLease(pool, 'mails', HELD, () => work.promise)
  vi.advanceTimersByTime(1999)
  expect(renewals).toEqual([])
  vi.advanceTimersByTime(4001)
  expect(renewals).toEqual([1, 2, 3].map(() => ['a-row', 'a-token', 7]))
  work.resolve('answer')
  expect(await kept).toBe('answer')
  expect(vi.getTimerCount()).toBe(0)
})

test('work that fails ends it too', async () => {
  await expect(keepLease(pool, 'mails', HELD, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(vi.getTimerCount()).toBe(0)
})
