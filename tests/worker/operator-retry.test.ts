import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { basic, post } from '../support/api.ts'
import { backends } from '../support/backends.ts'
import type { TestWorker } from '../support/delivery.ts'
import { codeIn } from '../support/mail-provider.ts'
import { PATIENT, type Stage, setStage } from './stage.ts'

describe.each(backends)('jobs on %s that an operator retries', (backend) => {
  let stage: Stage
  let worker: TestWorker

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await stage.startWorker({ delivery: { giveUpAfterSeconds: 1 } })
  })
  beforeEach(() => stage.provider.answerWith([]))
  afterAll(() => stage.close())

  /** Retries as Bull Board does. */
  const retry = async (mailId: string, state: 'failed' | 'completed') => {
    await expect.poll(() => worker.queue.getJobState(mailId), PATIENT).toBe(state)
    await (await worker.queue.getJob(mailId))?.retry(state)
  }

  const activate = (user: { id: string; email: string }) => {
    const code = codeIn(stage.provider.inbox(user.email).at(-1))
    return stage.app.request(`/v1/users/${user.id}/activation`, post({ code }, { authorization: basic(user.email) }))
  }

  test('a refused mail is delivered with a fresh code under a fresh key, and the code works', async () => {
    stage.provider.answerWith([422])
    const user = await stage.register('refused@example.com')
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('accepted')
    const keys = stage.requestsTo(user.email).map((mail) => mail.key)
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(2)
    expect(await stage.codeStatusOf(user)).toBe('sent')
    expect((await activate(user)).status).toBe(200)
  })

  test('a refused mail may be refused and retried more than once', async () => {
    stage.provider.answerWith([422, 400])
    const user = await stage.register('twice@example.com')
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.requestsTo(user.email).length, PATIENT).toBe(2)
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('refused')
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('accepted')
    expect(stage.requestsTo(user.email)).toHaveLength(3)
  })

  test('a given-up mail stands under failed, and its retry is delivered with a fresh code that works', async () => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('given-up@example.com')
    await expect.poll(() => worker.queue.getJobState(user.mailId), PATIENT).toBe('failed')
    expect((await worker.queue.getJob(user.mailId))?.failedReason).toBe('given-up: resend-503')
    expect(await stage.outcomeOf(user.mailId)).toBe('given-up')
    expect(await stage.codeStatusOf(user)).toBe('undeliverable')
    const before = stage.requestsTo(user.email)
    stage.provider.answerWith([])
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('accepted')
    expect(before.map((mail) => mail.key)).not.toContain(stage.requestsTo(user.email).at(-1)?.key)
    expect((await activate(user)).status).toBe(200)
  })

  test('a mail is given up when its time has come, not seconds later', async () => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('punctual@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('given-up')
    const found = await stage.pool.query<{ seconds: number }>(
      'select extract(epoch from settled_at - started_at)::float8 as seconds from mails where id = $1',
      [user.mailId],
    )
    expect(found.rows[0]?.seconds).toBeGreaterThanOrEqual(1)
    expect(found.rows[0]?.seconds).toBeLessThan(4)
  })

  test('a retried given-up mail has its whole time again', async () => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('again@example.com')
    await expect.poll(() => worker.queue.getJobState(user.mailId), PATIENT).toBe('failed')
    const before = stage.requestsTo(user.email).length
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.requestsTo(user.email).length, PATIENT).toBeGreaterThan(before + 1)
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('given-up')
  })

  test('the retry of a completed job sends nothing', async () => {
    const user = await stage.register('done@example.com')
    await retry(user.mailId, 'completed')
    await expect.poll(async () => (await worker.queue.getJob(user.mailId))?.returnvalue, PATIENT).toBe('dropped')
    expect(stage.requestsTo(user.email)).toHaveLength(1)
    expect(await stage.outcomeOf(user.mailId)).toBe('accepted')
  })

  test('the retry of a refused mail sends nothing when the person is active by then', async () => {
    stage.provider.answerWith([422])
    const user = await stage.register('active@example.com')
    await expect.poll(() => worker.queue.getJobState(user.mailId), PATIENT).toBe('failed')
    await stage.pool.query('update users set activated_at = now() where id = $1', [user.id])
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('dropped')
    expect(stage.requestsTo(user.email)).toHaveLength(1)
  })
})
