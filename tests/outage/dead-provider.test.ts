import { setTimeout as sleep } from 'node:timers/promises'
import { describeBackends } from '../support/backends.ts'
import { testOn } from '../support/test-on.ts'
import { setStage } from '../worker/stage.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'

const MAILS = 120
// Of silence: longer than a busy machine takes for an answer of 200, as one that comes too late is one more failure.
const SILENCE_MS = 1500
const LONG_MS = 30_000
const WATCH_MS = 2000
// A pause of half a second at least between two, doubling; a second for each probe that hangs.
const MAX_PROBES_A_SECOND = 2

describeBackends('a provider that is dead for everybody, with jobs on %s', (backend) => {
  const test = testOn(() => setStage(backend))

  test.for([503, 401, 'ignore'] as const)(
    '%s: gets a few probes, and then every mail once',
    async (answer, { stage, expect }) => {
      stage.provider.answerWith([], answer)
      const timeoutMs = answer === 'ignore' ? SILENCE_MS : LONG_MS
      const worker = await stage.startWorker({ delivery: { timeoutMs } })
      await registerCrowd(stage, 'waiting', MAILS)
      await expect.poll(() => worker.isProviderWell()).toBe(false)
      // Those that were out when it closed come to their end.
      await sleep(SILENCE_MS)
      const before = stage.provider.requests.length
      await sleep(WATCH_MS)
      const probes = stage.provider.requests.length - before
      expect(probes).toBeLessThanOrEqual((MAX_PROBES_A_SECOND * WATCH_MS) / 1000)
      stage.provider.answerWith([], 200)
      await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: MAILS })
      expect(stage.provider.inbox()).toHaveLength(MAILS)
      await expect.poll(() => worker.isProviderWell()).toBe(true)
    },
  )
})
