import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import { outboxWorkerOptions } from '../../src/worker/queue/outbox-worker-options.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import type { TestRedis } from '../support/redis.ts'

const open = async (store: { redisUrl: string | undefined; databaseUrl: string }) => {
  const backend = await openQueueBackend({
    ...store,
    connections: 4,
    logger: silent,
    signal: new AbortController().signal,
  })
  onTestFinished(backend.close)
  return backend
}

describe.each(backends)('behind a proxy, jobs on %s', (name) => {
  let database: TestDatabase
  let redis: TestRedis | null

  beforeAll(async () => {
    ;[database, redis] = await Promise.all([createTestDatabase(), startStore(name)])
  })
  afterAll(async () => {
    await redis?.stop()
    await database.drop()
  })

  /** A queue and a worker that reach the store through a proxy, and what that worker has done. */
  const begin = async (queueName: string) => {
    const proxy = await startProxy(redis?.dataUrl ?? database.url)
    onTestFinished(proxy.close)
    const store = { redisUrl: redis?.url, databaseUrl: database.url }
    const throughProxy = redis ? { ...store, redisUrl: proxy.url } : { ...store, databaseUrl: proxy.url }
    const [direct, backend] = [await open(store), await open(throughProxy)]
    const done: (string | undefined)[] = []
    const startWorker = () => {
      const worker = backend.newWorker(
        queueName,
        async ({ id }) => void done.push(id),
        outboxWorkerOptions(2, undefined),
      )
      onTestFinished(() => void worker.close())
      return worker
    }
    return {
      proxy,
      done,
      startWorker,
      queue: direct.newQueue(queueName, {}),
    }
  }

  test('are taken by a worker that was made while nothing came through', async () => {
    const { proxy, done, startWorker, queue } = await begin('made')
    proxy.freeze()
    const troubles: string[] = []
    startWorker().on('error', ({ message }) => void troubles.push(message))
    if (name === 'postgresql') await expect.poll(() => troubles).not.toEqual([])
    proxy.thaw()
    await queue.add('job', {}, { jobId: 'later' })
    await expect.poll(() => done).toEqual(['later'])
  })
})
