import { randomUUID } from 'node:crypto'
import type { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { MAILS } from '../../src/worker/delivery/mail-kind.ts'
import { offerRows } from '../../src/worker/queue/offer-rows.ts'
import { backends } from '../support/backends.ts'
import { PATIENT } from '../support/patient.ts'
import type { TestWorker } from '../support/test-worker.ts'
import { type Stage, setStage } from './stage.ts'

const row = (id: string, offers = 1) => ({ id, offers, delayMs: 0, priority: 1, traceContext: null })

let stage: Stage
let worker: TestWorker

const start = async (backend: 'postgresql' | 'redis') => {
  stage = await setStage(backend)
  worker = await stage.startWorker()
}

const registerWhilePaused = async (emails: string[]) => {
  await worker.queue.pause()
  const users = await Promise.all(emails.map((email) => stage.register(email)))
  for (const user of users) await expect.poll(() => worker.queue.getJob(user.mailId)).toBeDefined()
  return users
}

/** Resumes, and lets time pass until the relay looks again. */
const expectAllToLeave = async (emails: string[]) => {
  await worker.queue.resume()
  await stage.letOffersAge()
  await expect.poll(() => emails.filter((email) => stage.provider.inbox(email).length > 0).length).toBe(emails.length)
  for (const email of emails) expect(stage.provider.inbox(email)).toHaveLength(1)
}

const EMAILS = ['one@example.com', 'two@example.com', 'three@example.com']

describe.runIf(inject('redis') === 'redis-server' && inject('redisKind') === 'single')(
  'a Redis that evicts a part of the queue',
  () => {
    beforeEach(() => start('redis'))
    afterEach(() => stage.close())

    const withRedis = async (work: (redis: Redis) => Promise<unknown>) => {
      const redis = new Redis(stage.redis?.url ?? '')
      await work(redis)
      await redis.quit()
    }

    test.each([
      { what: 'the set of waiting jobs', keys: ['prioritized'] },
      { what: 'that set with its counter and marker', keys: ['prioritized', 'pc', 'marker'] },
      {
        what: 'all that says what is where',
        keys: ['prioritized', 'wait', 'delayed', 'active', 'meta', 'id', 'stalled'],
      },
    ])('$what: the mails leave all the same', async ({ keys }) => {
      await registerWhilePaused(EMAILS)
      await withRedis((redis) => redis.del(...keys.map((key) => `bull:mail:${key}`)))
      await expectAllToLeave(EMAILS)
    })

    test('the jobs themselves, while the set still names them: the mails leave all the same', async () => {
      const users = await registerWhilePaused(EMAILS)
      // Until a sweep has marked its row, the next one makes a lost job anew.
      const unmarked = () => stage.pool.query('select from mails where offers = 0')
      await expect.poll(async () => (await unmarked()).rowCount).toBe(0)
      await withRedis((redis) => redis.del(...users.map(({ mailId }) => `bull:mail:${mailId}`)))
      await worker.queue.resume()
      // They run without data first, and fail.
      for (const { mailId } of users)
        await expect.poll(() => worker.queue.getJobState(mailId)).toMatch(/failed|unknown/)
      await expectAllToLeave(EMAILS)
    })

    test('the set of delayed jobs: a mail that the provider refused for now is tried again within a minute', async () => {
      stage.provider.answerWith([503])
      const user = await stage.register('delayed@example.com')
      await expect
        .poll(() => worker.queue.getJobState(user.mailId), { ...PATIENT, interval: 5 })
        .toMatch(/delayed|completed/)
      await withRedis((redis) => redis.del('bull:mail:delayed'))
      await expectAllToLeave([user.email])
    })
  },
)

describe('a BullMQ schema in PostgreSQL that loses rows', () => {
  beforeEach(() => start('postgresql'))
  afterEach(() => stage.close())

  test.each([
    'delete from bullmq.job where id = any($1)',
    "update bullmq.job set state = 'completed' where id = any($1)",
  ])('%s: the mails leave all the same', async (loss) => {
    const users = await registerWhilePaused(EMAILS)
    await stage.pool.query(loss, [users.map(({ mailId }) => mailId)])
    await expectAllToLeave(EMAILS)
  })
})

describe.each(backends)('a queue on %s', (backend) => {
  beforeEach(() => start(backend))
  afterEach(() => stage.close())

  const statesIn = (queue: Queue, ids: string[]) => Promise.all(ids.map((id) => queue.getJobState(id)))

  test('that refuses one row takes the others of its batch', async () => {
    await worker.queue.pause()
    const good = [randomUUID(), randomUUID(), randomUUID()]
    // BullMQ takes no id that is a number.
    const rows = [...good.slice(0, 2), '12345', ...good.slice(2)].map((id) => row(id))
    expect(await offerRows(worker.queue, MAILS, rows)).toEqual({ lost: 0, refused: ['12345'] })
    expect(await statesIn(worker.queue, good)).toEqual(['prioritized', 'prioritized', 'prioritized'])
  })

  test('whose worker had a clock that was ahead for an hour tries again by the clock of the database', async () => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('ahead@example.com')
    await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('delayed')
    await expect
      .poll(
        async () =>
          (await worker.queue.getJob(user.mailId))?.changeDelay(3_600_000).then(
            () => 'late',
            () => 'ran',
          ),
        PATIENT,
      )
      .toBe('late')
    stage.provider.answerWith([])
    expect((await (await worker.queue.getJob(user.mailId))?.getState()) ?? 'none').toBe('delayed')
    await expectAllToLeave([user.email])
  })

  test('is asked which rows it lost, and those that it holds stay as they are', async () => {
    await worker.queue.pause()
    const ids = [randomUUID(), randomUUID()]
    await offerRows(
      worker.queue,
      MAILS,
      ids.map((id) => row(id)),
    )
    expect(
      await offerRows(
        worker.queue,
        MAILS,
        [...ids, randomUUID()].map((id) => row(id, 2)),
      ),
    ).toEqual({ lost: 1, refused: [] })
  })
})
