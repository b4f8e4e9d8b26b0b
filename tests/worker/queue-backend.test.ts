import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../../dev/embedded-postgres.ts'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import type { TestRedis } from '../support/redis.ts'

type Store = { redisUrl: string | undefined; databaseUrl: string }

const open = async (store: Store, signal = new AbortController().signal) => {
  const backend = await openQueueBackend({ ...store, connections: 2, logger: silent, signal })
  onTestFinished(backend.close)
  return backend
}

describe.each(backends)('the store of jobs on %s', (name) => {
  let database: TestDatabase
  let redis: TestRedis | null

  beforeAll(async () => {
    ;[database, redis] = await Promise.all([createTestDatabase(), startStore(name)])
  })
  afterAll(async () => {
    await redis?.stop()
    await database.drop()
  })

  // Else the first mails of a start would be offered to nobody, with a warning.
  test('answers as soon as it is open', async () => {
    const backend = await open({ redisUrl: redis?.url, databaseUrl: database.url })
    await expect(backend.check()).resolves.toBeUndefined()
  })
})

describe.each(['redis://', 'redis+sentinel://', 'redis+cluster://'])('a store at %s that is away', (scheme) => {
  const urlOf = async () =>
    `${scheme}127.0.0.1:${await findFreePort()}${scheme === 'redis+sentinel://' ? '/mymaster' : ''}`

  test('is open all the same, and fails soon', async () => {
    const backend = await open({ redisUrl: await urlOf(), databaseUrl: '' })
    await expect(backend.check()).rejects.toThrow()
  })

  test('is waited for no longer than it is wanted', async () => {
    const backend = await open({ redisUrl: await urlOf(), databaseUrl: '' }, AbortSignal.abort())
    await expect(backend.check()).rejects.toThrow()
  })
})
