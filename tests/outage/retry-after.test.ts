import { describeBackends } from '../support/backends.ts'
import { testOn } from '../support/test-on.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'
import { setOutageStage } from './outage-stage.ts'

const HELD_MS = 2000

describeBackends('a provider that asks for a pause, with jobs on %s', (backend) => {
  const test = testOn(() => setOutageStage(backend))

  test.for([429, 503])(
    '%i with Retry-After holds back every mail of every worker for that time',
    async (status, { stage, expect }) => {
      stage.provider.answerWith([{ status, retryAfter: String(HELD_MS / 1000) }])
      await stage.startRatedWorker(undefined)
      await stage.startRatedWorker(undefined)
      const first = await stage.register('first@example.com')
      await expect.poll(() => stage.requestsTo(first.email).length).toBe(1)
      await registerCrowd(stage, 'other', 30)
      await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: 31 })
      const asked = stage.provider.requests[0]?.at ?? 0
      const tooEarly = stage.provider.requests.slice(1).filter((mail) => mail.at - asked < HELD_MS - 50)
      // What was out or in hand when the answer came; nothing here is.
      expect(tooEarly).toHaveLength(0)
      expect(stage.provider.inbox()).toHaveLength(31)
    },
  )

  test('a crowd that is asked to come back in a second is tried again soon after that second', async ({
    stage,
    expect,
  }) => {
    stage.provider.answerWith([], { status: 429, retryAfter: '1' })
    const worker = await stage.startRatedWorker(undefined)
    await registerCrowd(stage, 'crowd', 20)
    await expect.poll(() => worker.isProviderWell()).toBe(false)
    stage.provider.answerWith([], 200)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: 20 })
    const asked = stage.provider.requests.findLast((mail) => mail.status !== 200)?.at ?? 0
    // Calls that were out already when it closed may be taken at once; the pause ends with the first that comes later.
    const resumed = stage.provider.requests.find((mail) => mail.at > asked + 500)?.at ?? 0
    expect(resumed - asked).toBeGreaterThanOrEqual(950)
    // Not after a back-off, which grows to 30 s.
    expect(resumed - asked).toBeLessThan(10_000)
  })
})
