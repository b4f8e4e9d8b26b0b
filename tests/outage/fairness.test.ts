import { setTimeout as sleep } from 'node:timers/promises'
import { describeBackends } from '../support/backends.ts'
import { testOn } from '../support/test-on.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'
import { setOutageStage } from './outage-stage.ts'

const RATE = 20

describeBackends('a backlog that drains under a limit, with jobs on %s', (backend) => {
  const test = testOn(() => setOutageStage(backend))

  test('two workers together keep the limit', async ({ stage, expect }) => {
    await registerCrowd(stage, 'crowd', 4 * RATE)
    await stage.startRatedWorker(RATE)
    await stage.startRatedWorker(RATE)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: 4 * RATE })
    const times = stage.provider.requests.map((mail) => mail.at)
    expect(times).toHaveLength(4 * RATE)
    // The first of four seconds may let through what it holds at once; each of its own would be done in half the time.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(2800)
  })

  test('the newest come first: those of the outage before its backlog, and those of the drain before all', async ({
    stage,
    expect,
  }) => {
    stage.provider.answerWith([], 503)
    await registerCrowd(stage, 'backlog', 6 * RATE)
    await stage.pool.query("update mails set created_at = created_at - interval '1 hour'")
    const worker = await stage.startRatedWorker(RATE)
    await stage.startRatedWorker(RATE)
    await expect.poll(() => worker.isProviderWell()).toBe(false)
    await registerCrowd(stage, 'outage', 5)
    // Some probes go out while they wait.
    const before = stage.provider.requests.length
    await expect.poll(() => stage.provider.requests.length).toBeGreaterThanOrEqual(before + 2)
    stage.provider.answerWith([], 200)
    await expect.poll(() => stage.provider.inbox().length).toBeGreaterThan(RATE / 2)
    const waits: number[] = []
    for (let index = 0; index < 3; index += 1) {
      const begun = Date.now()
      const user = await stage.register(`newcomer${index}@example.com`)
      await expect.poll(() => stage.provider.inbox(user.email).length).toBe(1)
      waits.push(Date.now() - begun)
      await sleep(200)
    }
    expect(Math.max(...waits)).toBeLessThan(5000)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: 6 * RATE + 5 + 3 })
    // In the order of arrival.
    const lastOfOutage = stage.provider.inbox().findLastIndex((mail) => mail.to.startsWith('outage'))
    expect(lastOfOutage).toBeLessThan(3 * RATE)
    expect(stage.provider.inbox()).toHaveLength(6 * RATE + 5 + 3)
  })
})
