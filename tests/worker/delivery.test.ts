import { afterAll, beforeAll, beforeEach, test } from 'vitest'
import { describeBackends } from '../support/backends.ts'
import type { TestWorker } from '../support/test-worker.ts'
import { type Stage, setStage } from './stage.ts'

describeBackends('jobs on %s', (backend) => {
  let stage: Stage
  let worker: TestWorker

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await stage.startWorker()
  })
  beforeEach(() => stage.provider.answerWith([]))
  afterAll(() => stage.close())

  test('a mail that the provider refuses three times with 503 arrives with the same key and bytes', async ({
    expect,
  }) => {
    stage.provider.answerWith([503, 503, 503])
    await stage.register('patient@example.com')
    await expect.poll(() => stage.provider.inbox('patient@example.com').length).toBe(1)
    const tries = stage.requestsTo('patient@example.com')
    expect(tries).toHaveLength(4)
    expect(new Set(tries.map((mail) => mail.key + mail.body)).size).toBe(1)
  })

  test('while the provider has trouble the job shows its attempts and a fixed reason, then the mail arrives', async ({
    expect,
  }) => {
    stage.provider.answerWith([], 503)
    const user = await stage.register('watched@example.com')
    const job = () => worker.queue.getJob(user.mailId)
    await expect.poll(async () => (await job())?.attemptsMade).toBeGreaterThanOrEqual(3)
    const troubled = await job()
    expect(troubled?.failedReason).toBe('resend-503')
    expect(JSON.stringify(troubled)).not.toContain('must not be shown')
    expect(await stage.codeStatusOf(user)).toBe('queued')
    stage.provider.answerWith([], 200)
    await expect.poll(() => stage.provider.inbox(user.email).length).toBe(1)
    await expect.poll(() => stage.codeStatusOf(user)).toBe('sent')
    await expect.poll(async () => (await job())?.returnvalue).toBe('accepted')
  })

  test.for([400, 422])('%i fails the job at once, and the code is undeliverable', async (status, { expect }) => {
    stage.provider.answerWith([], status)
    const user = await stage.register(`refused${status}@example.com`)
    await expect.poll(async () => (await worker.queue.getJob(user.mailId))?.isFailed()).toBe(true)
    const job = await worker.queue.getJob(user.mailId)
    expect(job).toMatchObject({ failedReason: `resend-${status} validation-error`, attemptsMade: 1 })
    expect(stage.requestsTo(user.email)).toHaveLength(1)
    expect(await stage.outcomeOf(user.mailId)).toBe('refused')
    expect(await stage.codeStatusOf(user)).toBe('undeliverable')
  })

  test.for([401, 403, 404, 409, 413, 429])(
    "%i is not the person's fault: the mail arrives when that is over",
    async (status, { expect }) => {
      stage.provider.answerWith([status])
      const user = await stage.register(`trouble${status}@example.com`)
      await expect.poll(() => stage.provider.inbox(user.email).length).toBe(1)
      expect(stage.requestsTo(user.email)).toHaveLength(2)
    },
  )

  test('a mail is not tried again before the time that the provider asked for', async ({ expect }) => {
    stage.provider.answerWith([{ status: 429, retryAfter: '3' }])
    const user = await stage.register('later@example.com')
    await expect.poll(() => stage.provider.inbox(user.email).length).toBe(1)
    const [first, second] = stage.requestsTo(user.email)
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(2950)
  })

  test("neither an operator's haste nor a lost job makes the provider's time shorter", async ({ expect }) => {
    stage.provider.answerWith([{ status: 403, retryAfter: '4' }])
    const user = await stage.register('hasty@example.com')
    await expect.poll(async () => (await worker.queue.getJob(user.mailId))?.isDelayed()).toBe(true)
    await (await worker.queue.getJob(user.mailId))?.promote()
    await expect.poll(async () => (await worker.queue.getJob(user.mailId))?.attemptsMade).toBeGreaterThan(1)
    await worker.queue.remove(user.mailId)
    await stage.letOffersAge()
    await expect.poll(() => stage.provider.inbox(user.email).length).toBe(1)
    const [first, second] = stage.requestsTo(user.email)
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(3950)
  })

  test('silence is tried again with the same key and bytes, and the person gets one mail', async ({ expect }) => {
    stage.provider.answerWith(['hang'])
    const user = await stage.register('silence@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    const tries = stage.requestsTo(user.email)
    expect(tries).toHaveLength(2)
    expect(new Set(tries.map((mail) => mail.key + mail.body)).size).toBe(1)
    expect(stage.provider.inbox(user.email)).toHaveLength(1)
  })
})
