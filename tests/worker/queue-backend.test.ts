import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../../dev/embedded-postgres.ts'
import { openQueueBackend } from '../../src/worker/open-queue-backend.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import type { TestRedis } from '../support/redis.ts'

describe.each(backends)('the store of jobs on %s', (backend) => {
  let database: TestDatabase
  let redis: TestRedis | null

  beforeAll(async () => {
    ;[database, redis] = await Promise.all([createTestDatabase(), startStore(backend)])
  })
  afterAll(async () => {
    await redis?.stop()
    await database.drop()
  })

  const open = async (redisUrl = redis?.url, signal = new AbortController().signal) => {
    const store = await openQueueBackend({
      redisUrl,
      databaseUrl: database.url,
      connections: 2,
      logger: silent,
      signal,
    })
    onTestFinished(store.close)
    return store
  }

  // Else the first mails of every start would be offered to nobody, with a warning.
  test('answers as soon as it is open', async () => {
    const store = await open()
    await expect(store.check()).resolves.toBeUndefined()
  })

  test.runIf(backend === 'redis')('is open although Redis is away, and fails soon', async () => {
    const store = await open(`redis://127.0.0.1:${await findFreePort()}`)
    await expect(store.check()).rejects.toThrow()
  })

  test.runIf(backend === 'redis')('waits no longer than it is wanted', async () => {
    const store = await open(redis?.url, AbortSignal.abort())
    expect(store.name).toBe('redis')
  })
})
