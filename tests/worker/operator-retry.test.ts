import type { Hono } from 'hono'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { operatorRetryOfMails } from '../../src/worker/delivery/delivery.ts'
import { createDashboard } from '../../src/worker/operators/dashboard.ts'
import { from } from '../api/api-client.ts'
import { basic, post } from '../support/api.ts'
import { describeBackends } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { codeIn } from '../support/mail-provider.ts'
import { PATIENT } from '../support/patient.ts'
import type { TestWorker } from '../support/test-worker.ts'
import { type Stage, setStage } from './stage.ts'

const OPERATOR = { username: 'operator', password: 'hunter2 of the tests' }

describeBackends('jobs on %s that an operator retries', (backend) => {
  let stage: Stage
  let worker: TestWorker
  let dashboard: Hono

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await stage.startWorker({ delivery: { giveUpAfterSeconds: 1 } })
    dashboard = createDashboard([worker.queue], {
      operator: OPERATOR,
      trustedProxies: [],
      logger: silent,
      operatorRetries: { mail: operatorRetryOfMails(stage.pool) },
    })
  })
  beforeEach(() => stage.provider.answerWith([]))
  afterAll(() => stage.close())

  const put = async (path: string) => {
    const headers = { authorization: basic(OPERATOR.username, OPERATOR.password), origin: 'http://localhost' }
    const answer = await dashboard.request(`/dashboard/api/queues/mail${path}`, { method: 'PUT', headers }, from('::1'))
    expect(answer.ok).toBe(true)
  }
  const retry = async (mailId: string, state: 'failed' | 'completed') => {
    await vi.waitFor(async () => expect(await worker.queue.getJobState(mailId)).toBe(state), PATIENT)
    if (state === 'failed') await put(`/${mailId}/retry`)
    else await (await worker.queue.getJob(mailId))?.retry(state)
  }

  const activate = (user: { id: string; email: string }) => {
    const code = codeIn(stage.provider.inbox(user.email).at(-1))
    return stage.app.request(`/v1/users/${user.id}/activation`, post({ code }, { authorization: basic(user.email) }))
  }

  test('a refused mail is delivered with a fresh code under a fresh key, and the code works', async ({ expect }) => {
    stage.provider.answerWith([422])
    const user = await stage.register('refused@example.com')
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    const keys = stage.requestsTo(user.email).map((mail) => mail.key)
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(2)
    expect(await stage.codeStatusOf(user)).toBe('sent')
    expect((await activate(user)).status).toBe(200)
  })

  test('a refused mail may be refused and retried more than once', async ({ expect }) => {
    stage.provider.answerWith([422, 400])
    const user = await stage.register('twice@example.com')
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.requestsTo(user.email).length).toBe(2)
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('refused')
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    expect(stage.requestsTo(user.email)).toHaveLength(3)
  })

  test('a given-up mail stands under failed, and its retry is delivered with a fresh code that works', async ({
    expect,
  }) => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('given-up@example.com')
    await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('failed')
    expect((await worker.queue.getJob(user.mailId))?.failedReason).toBe('given-up: resend-503')
    expect(await stage.outcomeOf(user.mailId)).toBe('given-up')
    expect(await stage.codeStatusOf(user)).toBe('undeliverable')
    const before = stage.requestsTo(user.email)
    stage.provider.answerWith([])
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    expect(before.map((mail) => mail.key)).not.toContain(stage.requestsTo(user.email).at(-1)?.key)
    expect((await activate(user)).status).toBe(200)
  })

  test('a mail is given up when its time has come, not seconds later', async ({ expect }) => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('punctual@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('given-up')
    const found = await stage.pool.query<{ seconds: number }>(
      'select extract(epoch from settled_at - failing_since)::float8 as seconds from mails where id = $1',
      [user.mailId],
    )
    expect(found.rows[0]?.seconds).toBeGreaterThanOrEqual(1)
    expect(found.rows[0]?.seconds).toBeLessThan(4)
  })

  test('a retried given-up mail has its whole time again', async ({ expect }) => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('again@example.com')
    await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('failed')
    const before = stage.requestsTo(user.email).length
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.requestsTo(user.email).length).toBeGreaterThan(before + 1)
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('given-up')
  })

  test('a retry of the job alone, which is no act of an operator, starts nothing over', async ({ expect }) => {
    stage.provider.answerWith([422])
    const user = await stage.register('forged@example.com')
    for (let round = 0; round < 9; round += 1) {
      await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('failed')
      await (await worker.queue.getJob(user.mailId))?.retry('failed')
    }
    await expect.poll(async () => (await worker.queue.getJob(user.mailId))?.failedReason).toBe('refused')
    expect(stage.requestsTo(user.email)).toHaveLength(1)
  })

  test('a job that somebody else put there fails again, and is no fault of PostgreSQL', async ({ expect }) => {
    await worker.queue.add('send-code', { mailId: 'x' }, { jobId: 'by-somebody-else' })
    await retry('by-somebody-else', 'failed')
    const attempts = async () => (await worker.queue.getJob('by-somebody-else'))?.attemptsMade
    await expect.poll(attempts).toBe(2)
    await expect.poll(() => worker.queue.getJobState('by-somebody-else')).toBe('failed')
  })

  test('a retry of all that failed reaches mails whose jobs the queue keeps no more', async ({ expect }) => {
    stage.provider.answerWith([422, 422])
    const users = [await stage.register('beyond1@example.com'), await stage.register('beyond2@example.com')]
    for (const user of users) {
      await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('failed')
      await worker.queue.remove(user.mailId)
    }
    await put('/retry/failed')
    for (const user of users) await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
  })

  test('the retry of a completed job sends nothing', async ({ expect }) => {
    const user = await stage.register('done@example.com')
    await retry(user.mailId, 'completed')
    await expect.poll(async () => (await worker.queue.getJob(user.mailId))?.returnvalue).toBe('dropped')
    expect(stage.requestsTo(user.email)).toHaveLength(1)
    expect(await stage.outcomeOf(user.mailId)).toBe('accepted')
  })

  test('the retry of a refused mail sends nothing when the person is active by then', async ({ expect }) => {
    stage.provider.answerWith([422])
    const user = await stage.register('active@example.com')
    await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('failed')
    await stage.pool.query('update users set activated_at = now() where id = $1', [user.id])
    await retry(user.mailId, 'failed')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('dropped')
    expect(stage.requestsTo(user.email)).toHaveLength(1)
  })
})
