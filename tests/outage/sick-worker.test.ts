import { findFreePort } from '../../dev/free-port.ts'
import { checkWorker } from '../../src/worker/operators/readiness.ts'
import { describeBackends } from '../support/backends.ts'
import { testOn } from '../support/test-on.ts'
import { setStage } from '../worker/stage.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'

describeBackends('workers with jobs on %s', (backend) => {
  const test = testOn(() => setStage(backend))

  test('one without a way out stops nobody else', async ({ stage, expect }) => {
    const [sick, healthy] = [
      await stage.startWorker({ mailUrl: `http://127.0.0.1:${await findFreePort()}` }),
      await stage.startWorker(),
    ]
    await registerCrowd(stage, 'first', 30)
    await expect.poll(() => sick.isProviderWell()).toBe(false)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: 30 })
    expect(await healthy.isProviderWell()).toBe(true)
    expect(await healthy.queue.getRateLimitTtl(1_000_001)).toBeLessThanOrEqual(0)
    const begun = Date.now()
    await registerCrowd(stage, 'second', 30)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: 60 })
    process.stdout.write(`${backend}: 30 mails beside a sick worker left in ${Date.now() - begun} ms\n`)
  })

  test('a provider that refuses us is named, with its own word, until it takes a mail', async ({ stage, expect }) => {
    stage.provider.answerWith([403])
    const worker = await stage.startWorker()
    const user = await stage.register('account@example.com')
    const parts = { pool: stage.pool, backend: worker.backend, events: null, delivering: worker }
    const provider = async () => (await checkWorker(parts)).provider
    await expect.poll(provider).toBe('degraded: resend refuses us: resend-403 invalid-api-key')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    await expect.poll(provider).toBe('ok')
  })

  test('an operator ends a pause that the provider asked for, and the next mail is a probe', async ({
    stage,
    expect,
  }) => {
    stage.provider.answerWith([{ status: 429, retryAfter: '86400' }])
    const worker = await stage.startWorker()
    await stage.register('first@example.com')
    await expect
      .poll(() => worker.troubles())
      .toEqual([expect.stringMatching(/^resend asked for a pause, [56]\d\d s more/)])
    const next = await stage.register('next@example.com')
    // Nobody ends a pause in the moment in which it begins.
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect(stage.requestsTo(next.email)).toHaveLength(0)
    // What "release rate limit" of the dashboard does.
    await worker.queue.removeRateLimitKey()
    await expect.poll(() => stage.outcomeOf(next.mailId)).toBe('accepted')
    await expect.poll(() => worker.troubles()).toEqual([null])
  })
})
