import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Housekeeping, startHousekeeping } from '../../src/worker/delivery/housekeeping.ts'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import type { QueueBackend } from '../../src/worker/queue/queue-backend.ts'
import { backends, startStore } from '../support/backends.ts'
import { createTestDatabase, silent, type TestDatabase } from '../support/database.ts'
import type { TestRedis } from '../support/redis.ts'

describe.each(backends)('housekeeping on %s', (name) => {
  let database: TestDatabase
  let redis: TestRedis | null
  let backend: QueueBackend
  let housekeeping: Housekeeping
  let warnings: string[]

  beforeEach(async () => {
    ;[database, redis] = await Promise.all([createTestDatabase(), startStore(name)])
    const { signal } = new AbortController()
    backend = await openQueueBackend({
      redisUrl: redis?.url,
      databaseUrl: database.url,
      connections: 5,
      logger: silent,
      signal,
    })
    warnings = []
    const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
    housekeeping = await startHousekeeping({ backend, pool: database.pool, logger })
  })
  afterEach(async () => {
    await housekeeping.close()
    await backend.close()
    await redis?.stop()
    await database.drop()
  })

  test('it runs at once, and is planned for every hour', async () => {
    await expect
      .poll(async () => (await housekeeping.queue.getCompleted())[0]?.returnvalue)
      .toMatchObject({ guesses: 0 })
    const [schedule] = await housekeeping.queue.getJobSchedulers()
    expect(schedule?.every).toBe(3_600_000)
    await expect.poll(() => housekeeping.queue.getDelayedCount()).toBe(1)
  })

  test('what it removed stands in the job, for operators', async () => {
    await database.pool.query("insert into rate_limits (key, points, expire) values ('old', 1, 1)")
    const { id } = await housekeeping.queue.add('housekeeping', {})
    await expect.poll(async () => (await housekeeping.queue.getJob(id ?? ''))?.returnvalue).toBeTruthy()
    expect((await database.pool.query('select 1 from rate_limits')).rowCount).toBe(0)
  })

  test('when it last succeeded is known, and a failure is a warning and tried again', async () => {
    await expect.poll(() => housekeeping.lastSuccessAt()).toBeInstanceOf(Date)
    const before = await housekeeping.lastSuccessAt()
    await database.pool.query('alter table guesses rename to guesses_away')
    const { id = '' } = await housekeeping.queue.add('housekeeping', {})
    await expect.poll(async () => (await housekeeping.queue.getJob(id))?.failedReason).toContain('not everything')
    await expect.poll(() => warnings).toContainEqual(expect.stringContaining('housekeeping failed'))
    expect(await housekeeping.lastSuccessAt()).toEqual(before)
  })
})
