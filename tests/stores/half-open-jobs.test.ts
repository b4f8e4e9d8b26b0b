import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import { outboxWorkerOptions } from '../../src/worker/queue/outbox-worker-options.ts'
import { backends, startStore } from '../support/backends.ts'
import { shareTestDatabase, silent } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import type { TestRedis } from '../support/redis.ts'

const HOUR_MS = 3_600_000
// On a slow machine.
const AT_ONCE_MS = 1000

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
  const database = shareTestDatabase()
  let redis: TestRedis | null

  beforeAll(async () => {
    redis = await startStore(name)
  })
  afterAll(() => redis?.stop())

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
      throughProxy: backend.newQueue(queueName, {}),
    }
  }

  test('go on when all connections are silent from one moment on, though a job waits that is far off', async () => {
    const { proxy, done, startWorker, queue, throughProxy } = await begin('silent')
    await queue.add('job', {}, { jobId: 'far-off', delay: HOUR_MS })
    startWorker()
    await queue.add('job', {}, { jobId: 'before' })
    // One whose end is not recorded is done again.
    await expect.poll(() => queue.getJobState('before')).toBe('completed')
    proxy.freezeConnected()
    await queue.add('job', {}, { jobId: 'after' })
    await expect.poll(() => done).toEqual(['before', 'after'])
    await expect.poll(() => throughProxy.getJobCounts('delayed').catch(() => null)).toEqual({ delayed: 1 })
    const delayMs = async (jobId: string) => {
      const begun = performance.now()
      await queue.add('job', {}, { jobId })
      await expect.poll(() => done).toContain(jobId)
      return performance.now() - begun
    }
    const worstOfThree = async () =>
      Math.max(...[await delayMs(randomUUID()), await delayMs(randomUUID()), await delayMs(randomUUID())])
    // Told of each again: who only looks every few seconds is later.
    await expect.poll(worstOfThree).toBeLessThan(AT_ONCE_MS)
  })

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
