import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAILS } from '../../src/worker/delivery/mail-kind.ts'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import { openOutboxQueue } from '../../src/worker/queue/outbox-queue.ts'
import { outboxWorkerOptions } from '../../src/worker/queue/outbox-worker-options.ts'
import { backends } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { type Stage, setStage } from './stage.ts'

const MORE_THAN_KEPT = 130
const KEPT = 100

describe.each(backends)('jobs that ended, on %s', (name) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await setStage(name)
  })
  afterAll(() => stage.close())

  test('are kept for operators to see, and a few of them only', async () => {
    const backend = await openQueueBackend({
      redisUrl: stage.redis?.url,
      databaseUrl: stage.database.url,
      connections: 5,
      logger: silent,
      signal: new AbortController().signal,
    })
    const queue = await openOutboxQueue(backend, MAILS, silent)
    const endAll = backend.newWorker(MAILS.queue, async () => 'accepted', outboxWorkerOptions(20, undefined))
    const ids = Array.from({ length: MORE_THAN_KEPT }, () => randomUUID())
    await queue.addBulk(ids.map((id) => ({ name: MAILS.job, data: MAILS.dataOf(id), opts: { jobId: id } })))
    await expect.poll(() => queue.getJobCountByTypes('waiting', 'prioritized', 'active')).toBe(0)
    await endAll.close()
    await stage.startWorker()
    await expect.poll(() => queue.getCompletedCount()).toBe(KEPT)
    await queue.close()
    await backend.close()
  })
})
