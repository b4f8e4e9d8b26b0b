import { describe } from 'vitest'
import { pausedForMs } from '../../src/worker/queue/queue-pause.ts'
import { backends } from '../support/backends.ts'
import { testOn } from '../support/test-on.ts'
import { setStage } from '../worker/stage.ts'

describe.concurrent.each(backends)('jobs on %s', (backend) => {
  const test = testOn(() => setStage(backend))

  test('a mail is given up when its time has come, although the provider asks for a longer pause', async ({
    stage,
    expect,
  }) => {
    stage.provider.answerWith([], { status: 429, retryAfter: '600' })
    const worker = await stage.startWorker({ delivery: { giveUpAfterSeconds: 2 } })
    const user = await stage.register('paused@example.com')
    await expect.poll(() => worker.isProviderWell()).toBe(false)
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('given-up')
    expect(await stage.codeStatusOf(user)).toBe('undeliverable')
    expect(stage.requestsTo('paused@example.com')).toHaveLength(1)
  })

  test('while an operator has paused the queue, mails that failed for too long are given up, and no untried one', async ({
    stage,
    expect,
  }) => {
    stage.provider.answerWith([], 503)
    const worker = await stage.startWorker({ delivery: { giveUpAfterSeconds: 3 } })
    const tried = await stage.register('tried@example.com')
    await expect.poll(() => stage.requestsTo('tried@example.com').length).toBeGreaterThanOrEqual(1)
    await worker.queue.pause()
    const untried = await stage.register('untried@example.com')
    await expect.poll(() => stage.outcomeOf(tried.mailId)).toBe('given-up')
    expect(await stage.outcomeOf(untried.mailId)).toBeNull()
    stage.provider.answerWith([])
    await worker.queue.resume()
    await expect.poll(() => stage.outcomeOf(untried.mailId)).toBe('accepted')
  })

  test('a pause outlives the worker that was asked for it, and readiness knows', async ({ stage, expect }) => {
    stage.provider.answerWith([], { status: 503, retryAfter: '600' })
    const first = await stage.startWorker()
    await stage.register('before@example.com')
    await expect.poll(() => pausedForMs(first.queue)).toBeGreaterThan(0)
    await first.close()
    const second = await stage.startWorker()
    expect(await second.isProviderWell()).toBe(false)
  })
})
