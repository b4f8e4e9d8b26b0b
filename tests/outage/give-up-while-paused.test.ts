import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backends } from '../support/backends.ts'
import { PATIENT, type Stage, setStage } from '../worker/stage.ts'

describe.each(backends)('jobs on %s', (backend) => {
  let stage: Stage

  beforeEach(async () => {
    stage = await setStage(backend)
  })
  afterEach(() => stage.close())

  test('a mail is given up when its time has come, although the provider asks for a longer pause', async () => {
    stage.provider.answerWith([], { status: 429, retryAfter: '600' })
    const worker = await stage.startWorker({ delivery: { giveUpAfterSeconds: 2 } })
    const user = await stage.register('paused@example.com')
    await expect.poll(() => worker.isProviderWell(), PATIENT).toBe(false)
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('given-up')
    expect(await stage.codeStatusOf(user)).toBe('undeliverable')
    expect(stage.requestsTo('paused@example.com')).toHaveLength(1)
  })

  test('a pause outlives the worker that was asked for it, and readiness knows', async () => {
    stage.provider.answerWith([], { status: 503, retryAfter: '600' })
    const first = await stage.startWorker()
    await stage.register('before@example.com')
    await expect.poll(() => first.isProviderWell(), PATIENT).toBe(false)
    await first.close()
    const second = await stage.startWorker()
    expect(await second.isProviderWell()).toBe(false)
  })
})
