import { describe, inject } from 'vitest'
import { type BackendName, backends } from '../support/backends.ts'
import { testOn } from '../support/test-on.ts'
import { type Stage, setStage } from './stage.ts'

const emailsOf = (name: string) => Array.from({ length: 5 }, (_, index) => `${name}${index}@example.com`)

// However busy the machine is: what is answered too late is asked for twice.
const LONG_MS = 30_000
const SILENCE_MS = 2000

/** The stage of the worker's tests with a worker. */
const setWorkerStage = async (backend: BackendName, timeoutMs = LONG_MS) => {
  const stage = await setStage(backend)
  const worker = await stage.startWorker({ delivery: { timeoutMs } })
  return {
    ...stage,
    worker,
    wipe: () => (stage.redis ? stage.redis.flush() : worker.queue.obliterate({ force: true })),
  }
}

const countArrived = ({ provider }: Pick<Stage, 'provider'>, emails: string[]) =>
  emails.filter((email) => provider.inbox(email).length > 0).length

describe.concurrent.each(backends)('jobs on %s', (backend) => {
  const test = testOn(() => setWorkerStage(backend))
  const testWithSilence = testOn(() => setWorkerStage(backend, SILENCE_MS))

  test('mails whose jobs were wiped out of the queue are offered again and arrive once', async ({ stage, expect }) => {
    const { worker } = stage
    await worker.queue.pause()
    const emails = emailsOf('wiped')
    const users = await Promise.all(emails.map((email) => stage.register(email)))
    // Not getJobCounts(): on PostgreSQL it leaves out what waits in a paused queue.
    const queued = async () =>
      (await Promise.all(users.map((user) => worker.queue.getJob(user.mailId)))).filter((job) => job).length
    await expect.poll(queued).toBe(emails.length)
    // On a busy machine a sweep may offer them once more, just after that.
    const wipeAndCount = () => stage.wipe().then(queued)
    await expect.poll(wipeAndCount).toBe(0)
    await worker.queue.resume()
    await stage.letOffersAge()
    await expect.poll(() => countArrived(stage, emails)).toBe(emails.length)
    for (const email of emails) expect(stage.requestsTo(email)).toHaveLength(1)
  })

  testWithSilence(
    'a wipe in the middle of many sends loses nothing, and nobody gets two mails',
    async ({ stage, expect }) => {
      const { worker } = stage
      const emails = Array.from({ length: 40 }, (_, index) => `storm${index}@example.com`)
      stage.provider.answerWith([503, 'hang', 503, 'hang'])
      await Promise.all(emails.map((email) => stage.register(email)))
      await expect.poll(() => stage.provider.requests.length).toBeGreaterThan(4)
      if (!stage.redis) await worker.queue.pause()
      await stage.wipe()
      await worker.queue.resume()
      await stage.letOffersAge()
      await expect.poll(() => countArrived(stage, emails)).toBe(emails.length)
      for (const email of emails) expect(stage.provider.inbox(email)).toHaveLength(1)
    },
  )

  test.for([
    { kept: 'completed', answer: 200 },
    { kept: 'failed', answer: 422 },
  ])(
    'a job that the queue keeps as $kept while its row is unsettled is made anew',
    async ({ kept, answer }, { stage, expect }) => {
      const { worker } = stage
      stage.provider.answerWith([answer])
      const user = await stage.register('kept@example.com')
      await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe(kept)
      await stage.pool.query(
        'update mails set settled_at = null, outcome = null, next_offer_at = now() where id = $1',
        [user.mailId],
      )
      await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
      await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('completed')
      expect(stage.provider.inbox(user.email)).toHaveLength(1)
      expect(stage.requestsTo(user.email)).toHaveLength(2)
    },
  )
})

describe.runIf(inject('redis') === 'redis-server')('jobs on redis, which goes away', { concurrent: true }, () => {
  const test = testOn(() => setStage('redis'))

  test('registrations go on with 202, and the mails arrive when Redis is back, empty', async ({ stage, expect }) => {
    await stage.startWorker()
    const before = await stage.register('before@example.com')
    await expect.poll(() => stage.outcomeOf(before.mailId)).toBe('accepted')
    await stage.redis?.stop()
    const emails = emailsOf('outage')
    for (const email of emails) await stage.register(email)
    await stage.redis?.start()
    await expect.poll(() => countArrived(stage, emails)).toBe(emails.length)
    for (const email of emails) expect(stage.requestsTo(email)).toHaveLength(1)
  })

  test('a worker that starts while Redis is away sends when it is there', async ({ stage, expect }) => {
    await stage.redis?.stop()
    await stage.startWorker()
    const user = await stage.register('early@example.com')
    await stage.redis?.start()
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    expect(stage.requestsTo(user.email)).toHaveLength(1)
  })

  test('a worker closes within its limit while Redis is away', async ({ stage, expect }) => {
    const worker = await stage.startWorker()
    await stage.redis?.stop()
    const begun = performance.now()
    await worker.close()
    expect(performance.now() - begun).toBeLessThan(9000)
  })
})
