import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { retryFailedMail } from '../../src/core/postgres/outbox/operator-retry.ts'
import { backends } from '../support/backends.ts'
import {
  type Answer,
  codeIn,
  type MailProvider,
  type ReceivedMail,
  startMailProvider,
} from '../support/mail-provider.ts'
import { PATIENT, type Stage, setStage } from '../worker/stage.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'

const PEOPLE = 30

describe.each(backends)('two providers, with jobs on %s', (backend) => {
  let stage: Stage
  let second: MailProvider

  beforeEach(async () => {
    ;[stage, second] = await Promise.all([setStage(backend), startMailProvider()])
  })
  afterEach(async () => {
    await stage.close()
    await second.close()
  })

  const start = () => stage.startWorker({ fallbackUrl: second.url, ttlSeconds: 10, delivery: { timeoutMs: 500 } })

  /** The mails that may have reached people, by address, with the provider's clock. */
  const received = () => {
    const taken = [...stage.provider.inbox(), ...second.inbox()]
    return Map.groupBy(taken, ({ to }) => to)
  }

  /** Everybody has a code, and of all that a person may have got one at most is the code that lives. */
  const expectNobodyLostOrTwice = async (people: { id: string; email: string }[]) => {
    expect(await countOutcomes(stage)).toEqual({ accepted: people.length })
    const keys = await stage.pool.query<{ id: string }>('select id from codes where superseded_at is null')
    const living = new Set(keys.rows.map(({ id }) => id))
    for (const { email } of people) {
      const mails = received().get(email) ?? []
      expect(mails.length).toBeGreaterThanOrEqual(1)
      const alive = new Set(mails.filter(({ key }) => living.has(key)).map(codeIn))
      expect([email, alive.size]).toEqual([email, 1])
    }
  }

  const delaysOf = (mails: ReceivedMail[], since: number) => mails.map(({ at }) => at - since).toSorted((a, b) => a - b)

  test.each([
    { what: 'down', answer: 503 },
    { what: 'revoking our key', answer: 403 },
    { what: 'asking for a day', answer: { status: 429, retryAfter: '86400' } },
    { what: 'cutting connections', answer: 'reset' },
    { what: 'silent', answer: 'ignore' },
    { what: 'taking mails without a word', answer: 'hang' },
  ] as const)('with the first $what everybody gets a code that lives', async ({ what, answer }) => {
    stage.provider.answerWith([], answer)
    await start()
    const begun = Date.now()
    const people = await registerCrowd(stage, 'crowd', PEOPLE)
    await expect.poll(() => countOutcomes(stage), { ...PATIENT, timeout: 55_000 }).toEqual({ accepted: PEOPLE })
    await expectNobodyLostOrTwice(people)
    const delays = delaysOf(second.inbox(), begun)
    process.stdout.write(
      `${backend}, first ${what}: ${delays.length} by the second, p50 ${delays.at(delays.length >> 1)} ms, p95 ${delays.at(Math.ceil(delays.length * 0.95) - 1)} ms\n`,
    )
  })

  test("an operator's retry reaches the second while the first is down", async () => {
    stage.provider.answerWith([], 503)
    second.answerWith([], 422)
    const worker = await start()
    const user = await stage.register('retried@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('refused')
    await expect.poll(() => worker.queue.getJobState(user.mailId), PATIENT).toBe('failed')
    second.answerWith([], 200)
    expect(await retryFailedMail(stage.pool, user.mailId)).toBe(true)
    await (await worker.queue.getJob(user.mailId))?.retry('failed')
    await expect.poll(() => stage.outcomeOf(user.mailId), PATIENT).toBe('accepted')
    expect(second.inbox(user.email)).toHaveLength(1)
    expect(stage.provider.inbox(user.email)).toHaveLength(0)
  })

  test('the first is probed and takes over again', async () => {
    stage.provider.answerWith([], 503)
    const worker = await start()
    await registerCrowd(stage, 'during', 10)
    await expect.poll(() => countOutcomes(stage), PATIENT).toEqual({ accepted: 10 })
    expect(await worker.isProviderWell()).toBe(false)
    stage.provider.answerWith([], 200)
    const isBack = async () => {
      await stage.register(`${Math.random()}@example.com`)
      return worker.isProviderWell()
    }
    await expect.poll(isBack, { ...PATIENT, interval: 250 }).toBe(true)
    const before = stage.provider.inbox().length
    await registerCrowd(stage, 'after', 5)
    await expect.poll(() => stage.provider.inbox().length, PATIENT).toBeGreaterThanOrEqual(before + 5)
  })

  test('with a first that flaps nobody is lost, and nobody has two codes that live', async () => {
    const moods: Answer[] = [200, 503, 'reset', 200, { status: 429, retryAfter: '1' }, 'hang', 403, 200]
    await start()
    const people: Awaited<ReturnType<typeof registerCrowd>> = []
    for (const [index, mood] of moods.entries()) {
      stage.provider.answerWith([], mood)
      people.push(...(await registerCrowd(stage, `mood${index}-`, 6)))
      // How long a mood lasts, whatever it does to the mails: some are silent and some end none, so there is nothing to wait for.
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    stage.provider.answerWith([], 200)
    await expect.poll(() => countOutcomes(stage), { ...PATIENT, timeout: 55_000 }).toEqual({ accepted: people.length })
    await expectNobodyLostOrTwice(people)
  })
})
