import { expect, test } from 'vitest'
import { createApiMetrics } from '../../src/api/metrics.ts'
import { watchHasher } from '../../src/api/watch-hasher.ts'
import { HashingOverloaded } from '../../src/core/credentials/hashing-queue.ts'
import type { PasswordHasher } from '../../src/core/credentials/password.ts'
import { createRegistry } from '../../src/core/process/telemetry/registry.ts'
import { readValue } from '../ops/metric-text.ts'

const HASHER: PasswordHasher = {
  hash: async (password) => `hash of ${password}`,
  verify: async (password, hash) => hash === `hash of ${password}`,
  checkRoom: () => {},
  isOutdated: (hash) => hash === 'old',
  waiting: () => 7,
}
const WORK = { priority: 'sign-in', signal: new AbortController().signal } as const

/** A hasher that is watched, and what is counted of it. */
const watch = (changes: Partial<PasswordHasher> = {}) => {
  const registry = createRegistry()
  const hasher = watchHasher({ ...HASHER, ...changes }, createApiMetrics(registry), registry)
  const counts = async () => {
    const page = await registry.metrics()
    const timed = (work: string) => readValue(page, 'latchkey_hashing_duration_seconds_count', { work })
    return {
      ...{ hash: timed('hash'), verify: timed('verify') },
      refused: readValue(page, 'latchkey_hashing_refusals_total'),
      waiting: readValue(page, 'latchkey_hashing_waiting'),
    }
  }
  return { hasher, counts }
}

test('a hash and a verification give what they give, and each is timed', async () => {
  const { hasher, counts } = watch()
  expect(await hasher.hash('word', WORK)).toBe('hash of word')
  expect(await counts()).toEqual({ hash: 1, verify: 0, refused: 0, waiting: 7 })
  expect(await hasher.verify('word', 'hash of word', WORK)).toBe(true)
  expect(await hasher.verify('word', null, WORK)).toBe(false)
  expect(await counts()).toEqual({ hash: 1, verify: 2, refused: 0, waiting: 7 })
})

test('what has no room is counted, passed on and not timed', async () => {
  const full = new HashingOverloaded('full')
  const { hasher, counts } = watch({
    hash: () => Promise.reject(full),
    checkRoom: () => {
      throw full
    },
  })
  await expect(hasher.hash('word', WORK)).rejects.toBe(full)
  expect(() => hasher.checkRoom('registration')).toThrow(full)
  expect(await counts()).toEqual({ hash: 0, verify: 0, refused: 2, waiting: 7 })
})

test('what fails otherwise is passed on, and no refusal', async () => {
  const gone = new Error('the client is gone')
  const { hasher, counts } = watch({
    verify: () => Promise.reject(gone),
    checkRoom: () => {
      throw gone
    },
  })
  await expect(hasher.verify('word', null, WORK)).rejects.toBe(gone)
  expect(() => hasher.checkRoom('sign-in')).toThrow(gone)
  expect(await counts()).toEqual({ hash: 0, verify: 0, refused: 0, waiting: 7 })
})

test('the rest is as it was', () => {
  const priorities: string[] = []
  const { hasher } = watch({ checkRoom: (priority) => void priorities.push(priority) })
  hasher.checkRoom('sign-in')
  expect([priorities, hasher.waiting(), hasher.isOutdated('old'), hasher.isOutdated('new')]).toEqual([
    ['sign-in'],
    7,
    true,
    false,
  ])
})
