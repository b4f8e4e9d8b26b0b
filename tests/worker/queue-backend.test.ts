import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import { outboxWorkerOptions } from '../../src/worker/queue/outbox-worker-options.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import type { TestRedis } from '../support/redis.ts'

type Store = { redisUrl: string | undefined; databaseUrl: string }

const open = async (store: Store, signal = new AbortController().signal, logger = silent) => {
  const backend = await openQueueBackend({ ...store, connections: 2, logger, signal })
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

  // A job that ends, or that another run takes, while its lock is renewed: on a busy machine that comes to pass.
  test("is well when it says that a job is not the worker's any more", async () => {
    const warnings: string[] = []
    const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
    const store = { redisUrl: redis?.url, databaseUrl: database.url }
    const backend = await open(store, new AbortController().signal, logger)
    const queue = backend.newQueue('taken', {})
    const [inHand, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const errors: string[] = []
    const process = () => {
      inHand.resolve()
      return end.promise
    }
    const worker = backend
      .newWorker('taken', process, { ...outboxWorkerOptions(1, undefined), lockDuration: 200 })
      .on('error', ({ message }) => void errors.push(message))
    await worker.waitUntilReady()
    await queue.add('job', {}, { jobId: 'gone' })
    await inHand.promise
    await queue.obliterate({ force: true })
    await expect.poll(() => errors).toContain('could not renew lock for job gone')
    end.resolve()
    await expect.poll(() => errors).toContainEqual(expect.stringMatching(/^Missing (?:key|lock) for job gone/))
    await Promise.all([worker.close(), queue.close()])
    expect(warnings).toEqual([])
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
