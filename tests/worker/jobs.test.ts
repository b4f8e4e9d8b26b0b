import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { backends } from '../support/backends.ts'
import type { TestWorker } from '../support/test-worker.ts'
import { type Stage, setStage } from './stage.ts'

const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000'

describe.each(backends)('jobs on %s', (backend) => {
  let stage: Stage
  let worker: TestWorker

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await stage.startWorker()
  })
  beforeEach(() => stage.provider.answerWith([]))
  afterAll(() => stage.close())

  test("a mail's job is in queue mail, is called send-code, has the mail's id and carries nothing else", async () => {
    const user = await stage.register('plain@example.com')
    await expect.poll(async () => (await worker.queue.getJob(user.mailId))?.isCompleted()).toBe(true)
    const job = await worker.queue.getJob(user.mailId)
    expect(worker.queue.name).toBe('mail')
    expect(job).toMatchObject({ name: 'send-code', id: user.mailId, queueName: 'mail', returnvalue: 'accepted' })
    expect(job?.data).toStrictEqual({ mailId: user.mailId })
    expect(JSON.stringify(job)).not.toContain('plain@')
  })

  test('a mail that is offered again while its job waits stays one job', async () => {
    await worker.queue.pause()
    const user = await stage.register('patient@example.com')
    await expect.poll(() => worker.queue.getJob(user.mailId)).toBeDefined()
    await stage.letOffersAge()
    const offers = async () =>
      (await stage.pool.query<{ offers: number }>('select offers from mails where id = $1', [user.mailId])).rows[0]
        ?.offers
    await expect.poll(offers).toBe(2)
    await worker.queue.resume()
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    expect(stage.requestsTo(user.email)).toHaveLength(1)
  })

  test.each([
    { what: 'no uuid', data: { mailId: 'ada@example.com' } },
    { what: 'a number', data: { mailId: 17 } },
    { what: 'an address in place of an id', data: { email: 'forged@example.com', code: '1234' } },
    { what: 'nothing', data: {} },
    { what: 'a list', data: [UNKNOWN_ID] },
    { what: 'SQL', data: { mailId: "' or true; --" } },
  ])('a forged job with $what fails for good and sends nothing', async ({ data }) => {
    const before = stage.provider.requests.length
    const forged = await worker.queue.add('send-code', data)
    const id = forged.id ?? ''
    await expect.poll(async () => (await worker.queue.getJob(id))?.isFailed()).toBe(true)
    expect(await worker.queue.getJob(id)).toMatchObject({ failedReason: 'no-mail-of-this-id', attemptsMade: 1 })
    expect(stage.provider.requests).toHaveLength(before)
  })

  test('a forged job with the id of no mail ends and sends nothing', async () => {
    const before = stage.provider.requests.length
    const forged = await worker.queue.add('send-code', { mailId: UNKNOWN_ID })
    await expect.poll(async () => (await worker.queue.getJob(forged.id ?? ''))?.returnvalue).toBe('dropped')
    expect(stage.provider.requests).toHaveLength(before)
  })

  test('an address in the data of a job moves no mail to another person', async () => {
    const user = await stage.register('rightful@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    const data = { mailId: user.mailId, to: 'thief@example.com', email: 'thief@example.com' }
    const forged = await worker.queue.add('send-code', data)
    await expect.poll(async () => (await worker.queue.getJob(forged.id ?? ''))?.returnvalue).toBe('dropped')
    expect(stage.requestsTo('thief@example.com')).toEqual([])
    expect(stage.requestsTo(user.email)).toHaveLength(1)
  })
})
