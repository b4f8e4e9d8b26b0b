import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backends } from '../support/backends.ts'
import { type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { startProcess, type TestProcess } from '../support/processes.ts'
import { PATIENT, type Stage, setStage } from '../worker/stage.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'

const RATE = 10
const PEOPLE = 4 * RATE

describe.each(backends)('the rate of the second provider, with jobs on %s', (backend) => {
  let stage: Stage
  let second: MailProvider
  let workers: TestProcess[] = []

  beforeEach(async () => {
    ;[stage, second] = await Promise.all([setStage(backend), startMailProvider()])
  })
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.kill()))
    await Promise.all([stage.close(), second.close()])
  })

  const startWorker = () =>
    startProcess('worker', {
      DATABASE_URL: stage.database.url,
      REDIS_URL: stage.redis?.url,
      MAIL_URL: stage.provider.url,
      MAIL_FALLBACK_PROVIDER: 'resend',
      MAIL_FALLBACK_URL: second.url,
      MAIL_FALLBACK_API_KEY: 'second',
      MAIL_FALLBACK_RATE_PER_SECOND: String(RATE),
    })

  test('two workers keep it together when it takes over all mails, and none of them is lost', async () => {
    stage.provider.answerWith([], 503)
    workers = await Promise.all([startWorker(), startWorker()])
    await registerCrowd(stage, 'crowd', PEOPLE)
    await expect.poll(() => countOutcomes(stage), PATIENT).toEqual({ accepted: PEOPLE })
    const times = second.requests.map(({ at }) => at)
    expect(times).toHaveLength(PEOPLE)
    // Between the first of so many and the last lie so many intervals, but for the time that a call is on its way.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(((PEOPLE - 1) / RATE) * 1000 - 500)
    const inSecondAfter = (from: number) => times.filter((at) => at >= from && at < from + 1000).length
    // A busy machine brings some late, and then together; without a rate all would come at once.
    expect(Math.max(...times.map(inSecondAfter))).toBeLessThanOrEqual(2 * RATE)
  })
})
