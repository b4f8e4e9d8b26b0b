import { describe } from 'vitest'
import { MAILS } from '../../src/worker/delivery/mail-kind.ts'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import { openOutboxQueue } from '../../src/worker/queue/outbox-queue.ts'
import { pauseQueue } from '../../src/worker/queue/queue-pause.ts'
import { type BackendName, backends } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { testOn } from '../support/test-on.ts'
import { setStage } from '../worker/stage.ts'

const setStageWithStore = async (backend: BackendName) => {
  const stage = await setStage(backend)
  const store = await openQueueBackend({
    redisUrl: stage.redis?.url,
    databaseUrl: stage.database.url,
    connections: 2,
    logger: silent,
    signal: new AbortController().signal,
  })
  return {
    ...stage,
    store,
    close: async () => {
      await store.close()
      await stage.close()
    },
  }
}

describe.concurrent.each(backends)('a pause of the queue on %s', (backend) => {
  const test = testOn(() => setStageWithStore(backend))

  test('stays as long as the longest that was asked for, in whatever order', async ({ stage, expect }) => {
    const queue = await openOutboxQueue(stage.store, MAILS, silent)
    await pauseQueue(queue, 5000)
    await pauseQueue(queue, 600_000)
    await pauseQueue(queue, 3000)
    await pauseQueue(queue, 500)
    expect(await queue.getRateLimitTtl()).toBeGreaterThan(60_000)
  })

  test('stays as long as the longest, also when many ask at the same moment', async ({ stage, expect }) => {
    const queue = await openOutboxQueue(stage.store, MAILS, silent)
    await Promise.all([1000, 600_000, 500, 3000, 700].map((ms) => pauseQueue(queue, ms)))
    expect(await queue.getRateLimitTtl()).toBeGreaterThan(60_000)
  })

  test('holds although the window of the rate limit is open', async ({ stage, expect }) => {
    const worker = await stage.startWorker()
    const user = await stage.register('window@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    const held = Date.now()
    await pauseQueue(worker.queue, 900)
    const next = await stage.register('held@example.com')
    await expect.poll(() => stage.requestsTo(next.email).length).toBe(1)
    expect((stage.requestsTo(next.email)[0]?.at ?? 0) - held).toBeGreaterThanOrEqual(850)
  })
})
