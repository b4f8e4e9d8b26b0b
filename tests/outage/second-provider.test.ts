import type { ExpectStatic } from 'vitest'
import { retryFailedMail } from '../../src/core/postgres/outbox/operator-retry.ts'
import { type BackendName, describeBackends } from '../support/backends.ts'
import { type Answer, codeIn, type ReceivedMail, startMailProvider } from '../support/mail-provider.ts'
import { PATIENT } from '../support/patient.ts'
import { testOn } from '../support/test-on.ts'
import { setStage } from '../worker/stage.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'

const PEOPLE = 30
// Of silence, where there is any. Elsewhere a busy machine would bring some by answering late.
const SILENCE_MS = 1000
const LONG_MS = 30_000

/** The stage of the worker's tests with a second provider. */
const setTwoProviders = async (backend: BackendName) => {
  const [stage, second] = await Promise.all([setStage(backend), startMailProvider()])
  return {
    ...stage,
    second,
    start: (timeoutMs = LONG_MS) =>
      stage.startWorker({ fallbackUrl: second.url, ttlSeconds: 10, delivery: { timeoutMs } }),
    close: async () => {
      await stage.close()
      await second.close()
    },
  }
}

type TwoProviders = Awaited<ReturnType<typeof setTwoProviders>>

/** The mails that may have reached people, by address, with the provider's clock. */
const receivedBy = ({ provider, second }: TwoProviders) =>
  Map.groupBy([...provider.inbox(), ...second.inbox()], ({ to }) => to)

/** Everybody has a code, and of all that a person may have got one at most is the code that lives. */
const expectNobodyLostOrTwice = async (
  stage: TwoProviders,
  people: { id: string; email: string }[],
  expect: ExpectStatic,
) => {
  expect(await countOutcomes(stage)).toEqual({ accepted: people.length })
  const keys = await stage.pool.query<{ id: string }>('select id from codes where superseded_at is null')
  const living = new Set(keys.rows.map(({ id }) => id))
  const received = receivedBy(stage)
  for (const { email } of people) {
    const mails = received.get(email) ?? []
    expect(mails.length).toBeGreaterThanOrEqual(1)
    const alive = new Set(mails.filter(({ key }) => living.has(key)).map(codeIn))
    expect([email, alive.size]).toEqual([email, 1])
  }
}

const delaysOf = (mails: ReceivedMail[], since: number) => mails.map(({ at }) => at - since).toSorted((a, b) => a - b)

describeBackends('two providers, with jobs on %s', (backend) => {
  const test = testOn(() => setTwoProviders(backend))

  test.for([
    { what: 'down', answer: 503 },
    { what: 'revoking our key', answer: 403 },
    { what: 'asking for a day', answer: { status: 429, retryAfter: '86400' } },
    { what: 'cutting connections', answer: 'reset' },
    { what: 'silent', answer: 'ignore' },
    { what: 'taking mails without a word', answer: 'hang' },
  ] as const)('with the first $what everybody gets a code that lives', async ({ what, answer }, { stage, expect }) => {
    stage.provider.answerWith([], answer)
    await stage.start(answer === 'ignore' || answer === 'hang' ? SILENCE_MS : LONG_MS)
    const begun = Date.now()
    const people = await registerCrowd(stage, 'crowd', PEOPLE)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: PEOPLE })
    await expectNobodyLostOrTwice(stage, people, expect)
    const delays = delaysOf(stage.second.inbox(), begun)
    process.stdout.write(
      `${backend}, first ${what}: ${delays.length} by the second, p50 ${delays.at(delays.length >> 1)} ms, p95 ${delays.at(Math.ceil(delays.length * 0.95) - 1)} ms\n`,
    )
  })

  test("an operator's retry reaches the second while the first is down", async ({ stage, expect }) => {
    stage.provider.answerWith([], 503)
    stage.second.answerWith([], 422)
    const worker = await stage.start()
    const user = await stage.register('retried@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('refused')
    await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('failed')
    stage.second.answerWith([], 200)
    expect(await retryFailedMail(stage.pool, user.mailId)).toBe(true)
    await (await worker.queue.getJob(user.mailId))?.retry('failed')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    expect(stage.second.inbox(user.email)).toHaveLength(1)
    expect(stage.provider.inbox(user.email)).toHaveLength(0)
  })

  test('the first is probed and takes over again', async ({ stage, expect }) => {
    stage.provider.answerWith([], 503)
    const worker = await stage.start()
    await registerCrowd(stage, 'during', 10)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: 10 })
    expect(await worker.isProviderWell()).toBe(false)
    stage.provider.answerWith([], 200)
    const isBack = async () => {
      await stage.register(`${Math.random()}@example.com`)
      return worker.isProviderWell()
    }
    await expect.poll(isBack, { ...PATIENT, interval: 250 }).toBe(true)
    const before = stage.provider.inbox().length
    await registerCrowd(stage, 'after', 5)
    await expect.poll(() => stage.provider.inbox().length).toBeGreaterThanOrEqual(before + 5)
  })

  test('with a first that flaps nobody is lost, and nobody has two codes that live', async ({ stage, expect }) => {
    const moods: Answer[] = [200, 503, 'reset', 200, { status: 429, retryAfter: '1' }, 'hang', 403, 200]
    await stage.start(SILENCE_MS)
    const people: Awaited<ReturnType<typeof registerCrowd>> = []
    for (const [index, mood] of moods.entries()) {
      stage.provider.answerWith([], mood)
      people.push(...(await registerCrowd(stage, `mood${index}-`, 6)))
      // How long a mood lasts, whatever it does to the mails: some are silent and some end none, so there is nothing to wait for.
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    stage.provider.answerWith([], 200)
    await expect.poll(() => countOutcomes(stage)).toEqual({ accepted: people.length })
    await expectNobodyLostOrTwice(stage, people, expect)
  })
})
