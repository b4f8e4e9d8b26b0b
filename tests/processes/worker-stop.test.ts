import { test } from 'vitest'
import { MAILS } from '../../src/worker/delivery/mail-kind.ts'
import { openQueueBackend } from '../../src/worker/queue/backends/open-queue-backend.ts'
import { openOutboxQueue } from '../../src/worker/queue/outbox-queue.ts'
import { describeBackends } from '../support/backends.ts'
import { silent, type TestDatabase } from '../support/database.ts'
import { startGatedProvider } from '../worker/stage.ts'
import { DRAIN_LIMIT_MS, timed, useProcesses, useStore } from './stage.ts'

/** The state of the job that brings this registration's mail. */
const jobStateOf = async (userId: string, { url, pool }: TestDatabase, redisUrl: string | undefined) => {
  const { signal } = new AbortController()
  const backend = await openQueueBackend({ redisUrl, databaseUrl: url, connections: 2, logger: silent, signal })
  try {
    const queue = await openOutboxQueue(backend, MAILS, silent)
    const found = await pool.query<{ id: string }>('select id from mails where user_id = $1', [userId])
    return await queue.getJobState(found.rows[0]?.id ?? '')
  } finally {
    await backend.close()
  }
}

describeBackends('a worker on %s', (backend) => {
  const { database, provider, start, startWorkerHere, register, outcomeOf } = useProcesses()
  const store = useStore(backend)

  test('finishes the mail in hand when it is told to stop, and ends with 0 in time', async ({
    expect,
    onTestFinished,
  }) => {
    const gate = await startGatedProvider()
    onTestFinished(gate.close)
    const worker = await start('worker', { ...store(), MAIL_URL: gate.url })
    const user = await register(`in-hand-${backend}@example.com`)
    await expect.poll(() => gate.requests(`in-hand-${backend}@example.com`)).toBe(1)
    const stopped = timed(worker.stop())
    await expect.poll(() => worker.log()).toContain('stopping')
    gate.release()
    const { code, ms } = await stopped
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    expect(await outcomeOf(user.id)).toBe('accepted')
    // Nobody has to take the job over and find its mail settled.
    expect(await jobStateOf(user.id, database, store().REDIS_URL)).toBe('completed')
  })

  test('ends with 0 in time while the provider is silent, and the mail is not lost', async ({ expect }) => {
    provider().answerWith(['ignore'])
    const worker = await start('worker', { ...store(), MAIL_TIMEOUT_MS: '60000' })
    const user = await register(`silent-${backend}@example.com`)
    await expect.poll(() => provider().requests.some((mail) => mail.to === `silent-${backend}@example.com`)).toBe(true)
    const { code, ms } = await timed(worker.stop())
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    await startWorkerHere(store())
    await expect.poll(() => outcomeOf(user.id)).toBe('accepted')
    expect(provider().inbox(`silent-${backend}@example.com`)).toHaveLength(1)
  })

  test('takes no mail after the signal, however many wait, and the provider is slow', async ({
    expect,
    onTestFinished,
  }) => {
    const gate = await startGatedProvider()
    onTestFinished(gate.close)
    const environment = { ...store(), MAIL_URL: gate.url, MAIL_CONCURRENCY: '2' }
    const worker = await start('worker', environment)
    const emails = Array.from({ length: 8 }, (_, index) => `waiting${index}-${backend}@example.com`)
    const users = await Promise.all(emails.map((email) => register(email)))
    const inHand = () => emails.reduce((sum, email) => sum + gate.requests(email), 0)
    await expect.poll(inHand).toBe(2)
    const stopped = timed(worker.stop())
    await expect.poll(() => worker.log()).toContain('stopping')
    gate.release()
    const { code, ms } = await stopped
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    expect(inHand()).toBe(2)
    expect(worker.log()).not.toContain('stopped before everything was finished')
    const outcomes = await Promise.all(users.map(({ id }) => outcomeOf(id)))
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(2)
    // Another worker takes up the rest at once: nothing was left with the one that is gone.
    await startWorkerHere(store())
    for (const { id } of users) await expect.poll(() => outcomeOf(id)).toBe('accepted')
  })

  // Last, as the pause outlives the worker.
  test('stops in time while all mails wait for the provider', async ({ expect }) => {
    provider().answerWith([], { status: 429, retryAfter: '600' })
    const worker = await start('worker', store())
    await register(`paused-${backend}@example.com`)
    await expect.poll(() => provider().requests.some(({ to }) => to === `paused-${backend}@example.com`)).toBe(true)
    const { code, ms } = await timed(worker.stop())
    expect(code).toBe(0)
    expect(ms).toBeLessThan(DRAIN_LIMIT_MS)
    expect(worker.log()).not.toContain('stopped before everything was finished')
  })
})
