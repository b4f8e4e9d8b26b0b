import { describe } from 'vitest'
import { type BackendName, backends } from '../support/backends.ts'
import { startMailProvider } from '../support/mail-provider.ts'
import { startProcess, type TestProcess } from '../support/processes.ts'
import { testOn } from '../support/test-on.ts'
import { setStage } from '../worker/stage.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'

const RATE = 10
const PEOPLE = 4 * RATE

const setTwoProviders = async (backend: BackendName) => {
  const [stage, second] = await Promise.all([setStage(backend), startMailProvider()])
  const workers: TestProcess[] = []
  return {
    ...stage,
    second,
    startWorkerProcess: async () => {
      const worker = await startProcess('worker', {
        DATABASE_URL: stage.database.url,
        REDIS_URL: stage.redis?.url,
        MAIL_URL: stage.provider.url,
        MAIL_FALLBACK_PROVIDER: 'resend',
        MAIL_FALLBACK_URL: second.url,
        MAIL_FALLBACK_API_KEY: 'second',
        MAIL_FALLBACK_RATE_PER_SECOND: String(RATE),
      })
      workers.push(worker)
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.kill()))
      await Promise.all([stage.close(), second.close()])
    },
  }
}

describe.concurrent.each(backends)('the rate of the second provider, with jobs on %s', (backend) => {
  const test = testOn(() => setTwoProviders(backend))

  test('two workers keep it together when it takes over all mails, and none of them is lost', async ({
    stage,
    expect,
  }) => {
    stage.provider.answerWith([], 503)
    await Promise.all([stage.startWorkerProcess(), stage.startWorkerProcess()])
    await registerCrowd(stage, 'crowd', PEOPLE)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: PEOPLE })
    const times = stage.second.requests.map(({ at }) => at)
    expect(times).toHaveLength(PEOPLE)
    // Between the first of so many and the last lie so many intervals, but for the time that a call is on its way.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(((PEOPLE - 1) / RATE) * 1000 - 500)
  })
})
