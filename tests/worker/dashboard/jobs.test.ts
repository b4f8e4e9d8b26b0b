import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { backends } from '../../support/backends.ts'
import { shareDashboard } from './shared-dashboard.ts'

const shownJob = v.object({
  job: v.object({ timestamp: v.number(), opts: v.object({ delay: v.optional(v.number(), 0) }) }),
})

describe.each(backends)('the dashboard of jobs on %s', (backend) => {
  const { failOne, get, queue, send, stage } = shareDashboard(backend)

  test('the listing shows the queue and its jobs, and nothing personal', async () => {
    const user = await failOne('listed@example.com')
    const listing = await get('/dashboard/api/queues?activeQueue=mail&status=failed&page=1&jobsPerPage=10')
    expect(listing.status).toBe(200)
    const text = await listing.text()
    expect(JSON.parse(text)).toMatchObject({
      queues: [
        {
          name: 'mail',
          counts: { failed: expect.any(Number) },
          jobs: expect.arrayContaining([
            expect.objectContaining({
              id: user.mailId,
              failedReason: 'resend-422 validation-error',
              data: { mailId: user.mailId },
            }),
          ]),
        },
      ],
    })
    expect(text).not.toContain('listed@')
    const one = await get(`/dashboard/api/queues/mail/${user.mailId}`)
    expect(await one.json()).toMatchObject({ status: 'failed', job: { id: user.mailId } })
  })

  test('a failed job is retried from the dashboard, and the mail arrives', async () => {
    const user = await failOne('retried@example.com')
    expect((await send('PUT', `/dashboard/api/queues/mail/${user.mailId}/retry`)).status).toBe(204)
    await expect.poll(() => stage().outcomeOf(user.mailId)).toBe('accepted')
  })

  test('all failed jobs are retried at once', async () => {
    const users = [await failOne('one@example.com'), await failOne('two@example.com')]
    expect((await send('PUT', '/dashboard/api/queues/mail/retry/failed')).status).toBe(200)
    for (const user of users) await expect.poll(() => stage().outcomeOf(user.mailId)).toBe('accepted')
  })

  test.each(['/mail', ''])('a pause of %s holds mails back until the end of it', async (path) => {
    expect((await send('PUT', `/dashboard/api/queues${path}/pause`)).status).toBeLessThan(300)
    expect(await queue().isPaused()).toBe(true)
    const user = await stage().register(`paused${path.length}@example.com`)
    await expect.poll(() => queue().getJob(user.mailId)).toBeDefined()
    const listing = await (await get('/dashboard/api/queues')).json()
    expect(listing).toMatchObject({ queues: [{ isPaused: true }] })
    expect(await stage().outcomeOf(user.mailId)).toBeNull()
    expect((await send('PUT', `/dashboard/api/queues${path}/resume`)).status).toBeLessThan(300)
    await expect.poll(() => stage().outcomeOf(user.mailId)).toBe('accepted')
  })

  test('the time of the next try is the time of the last one and its delay', async () => {
    stage().provider.answerWith([], 503)
    const user = await stage().register('next-try@example.com')
    const difference = async () => {
      const { job } = v.parse(shownJob, await (await get(`/dashboard/api/queues/mail/${user.mailId}`)).json())
      const { delay = 0, processedOn = 0 } = (await queue().getJob(user.mailId)) ?? {}
      return delay > 0 ? job.timestamp + job.opts.delay - (processedOn + delay) : null
    }
    // Between two looks the job may run.
    await expect.poll(difference).toBe(0)
  })

  test.each(['job', 'queue'])('a delayed mail leaves at once when the operator promotes its %s', async (what) => {
    stage().provider.answerWith([], 503)
    const user = await stage().register(`promoted-${what}@example.com`)
    const job = () => queue().getJob(user.mailId)
    // The longer it has failed, the longer the delay that the promotion ends.
    await expect.poll(async () => (await job())?.attemptsMade).toBeGreaterThanOrEqual(2)
    stage().provider.answerWith([])
    const path = what === 'job' ? `/${user.mailId}/promote` : '/promote'
    await expect.poll(() => queue().getJobState(user.mailId)).toMatch(/delayed|completed/)
    expect((await send('PUT', `/dashboard/api/queues/mail${path}`)).status).toBeLessThan(500)
    await expect.poll(() => stage().outcomeOf(user.mailId)).toBe('accepted')
  })
})
