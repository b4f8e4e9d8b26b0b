import { setTimeout } from 'node:timers/promises'
import { describe } from 'vitest'
import { type BackendName, backends } from '../support/backends.ts'
import { testOn } from '../support/test-on.ts'
import { type Stage, setStage, startGatedProvider } from './stage.ts'

/** The stage of the worker's tests, with a provider that keeps what it gets in hand. */
const setGatedStage = async (backend: BackendName) => {
  const [stage, gate] = await Promise.all([setStage(backend), startGatedProvider()])
  return {
    ...stage,
    gate,
    close: async () => {
      await stage.close()
      await gate.close()
    },
  }
}

describe.concurrent.each(backends)('jobs on %s', (backend) => {
  const test = testOn(() => setGatedStage(backend))

  test('two workers at once send each mail once', async ({ stage, expect }) => {
    await Promise.all([stage.startWorker(), stage.startWorker()])
    const emails = Array.from({ length: 40 }, (_, index) => `person${index}@example.com`)
    const users = await Promise.all(emails.map((email) => stage.register(email)))
    const unsettled = async () => {
      const outcomes = await Promise.all(users.map((user) => stage.outcomeOf(user.mailId)))
      return outcomes.filter((outcome) => outcome !== 'accepted').length
    }
    await expect.poll(unsettled).toBe(0)
    // One that a busy machine asks again for has the same key.
    for (const email of emails) expect(stage.provider.inbox(email)).toHaveLength(1)
  })

  /** Whether it was the claim that marked the mail as offered: its job was made of the announcement. */
  const wasTakenAsNamed = async ({ pool }: Pick<Stage, 'pool'>, { mailId }: { mailId: string }) => {
    const found = await pool.query<{ is: boolean }>(
      'select offered_at = opened_at as is from mails join codes on codes.id = code_id where mails.id = $1',
      [mailId],
    )
    return found.rows[0]?.is
  }

  test('a registration’s mail is not looked for where it is announced by name', async ({ stage, expect }) => {
    await stage.startWorker()
    let registered = 0
    const registerNext = async () => {
      registered += 1
      const user = await stage.register(`person${registered}@example.com`)
      await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
      return wasTakenAsNamed(stage, user)
    }
    // Not before the worker has said that it is here, nor when it sweeps just then.
    await expect.poll(registerNext).toBe(true)
  })

  test('a mail is looked for by another worker when the one that sweeps does nothing', async ({ stage, expect }) => {
    await stage.pool.query("insert into outboxes (kind, beat_at) values ('mails', now() + interval '1 hour')")
    await stage.startWorker()
    const user = await stage.register('one@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    expect(await wasTakenAsNamed(stage, user)).toBe(false)
  })

  test('a mail in hand is not sent by a second job for it', async ({ stage, expect }) => {
    const { gate } = stage
    const worker = await stage.startWorker({ mailUrl: gate.url })
    const user = await stage.register('one@example.com')
    await expect.poll(() => gate.requests('one@example.com')).toBe(1)
    const second = await worker.queue.add(
      'send-code',
      { mailId: user.mailId },
      { attempts: 1000, backoff: { type: 'custom' } },
    )
    const secondJob = () => worker.queue.getJob(second.id ?? '')
    await expect.poll(async () => (await secondJob())?.failedReason).toBe('taken-by-another-run')
    gate.release()
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    await expect.poll(async () => (await secondJob())?.returnvalue).toBe('dropped')
    expect(gate.requests('one@example.com')).toBe(1)
  })

  test('a worker that is closed finishes the mail in hand', async ({ stage, expect }) => {
    const { gate } = stage
    const worker = await stage.startWorker({ mailUrl: gate.url })
    const user = await stage.register('in-hand@example.com')
    await expect.poll(() => gate.requests('in-hand@example.com')).toBe(1)
    const closing = worker.close()
    gate.release()
    await closing
    expect(await stage.outcomeOf(user.mailId)).toBe('accepted')
    expect(gate.requests('in-hand@example.com')).toBe(1)
  })

  test('a worker that is closed right after its start closes at once', async ({ stage, expect }) => {
    const worker = await stage.startWorker()
    const begun = performance.now()
    await Promise.race([worker.close(), setTimeout(9000, undefined, { ref: false })])
    expect(performance.now() - begun).toBeLessThan(8000)
  })

  test('a worker that is closed while the provider is silent leaves the mail to another, with the same key', async ({
    stage,
    expect,
  }) => {
    const user = await (async () => {
      stage.provider.answerWith(['ignore'])
      const worker = await stage.startWorker({ delivery: { timeoutMs: 60_000 } })
      const registered = await stage.register('handed-over@example.com')
      await expect.poll(() => stage.requestsTo(registered.email).length).toBe(1)
      const begun = performance.now()
      await worker.close()
      expect(performance.now() - begun).toBeLessThan(9000)
      return registered
    })()
    expect(await stage.outcomeOf(user.mailId)).toBeNull()
    await stage.startWorker()
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    const [first, second] = stage.requestsTo(user.email)
    expect(second?.key).toBe(first?.key)
    expect(second?.body).toBe(first?.body)
  })
})
