import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { findFreePort } from '../../dev/free-port.ts'
import { describeBackends } from '../support/backends.ts'
import { codeIn } from '../support/mail-provider.ts'
import { PATIENT } from '../support/patient.ts'
import { runTraceMail } from './spawn-program.ts'
import { type Stage, setStage, trace as traceHere } from './stage.ts'

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`

/** What a trace tells, line by line, without the times and what depends on speed; every line but the head has a time. */
const told = (out: string): string[] =>
  out
    .split('\n')
    .slice(2)
    .filter((line) => line !== '')
    .map((line) => {
      expect(line).toMatch(new RegExp(`^ {2}${TIME} {2}`))
      return line.slice(28).replace(/, the last of \d+ times$/, '')
    })

describeBackends('the trace of a mail, jobs on %s', (backend) => {
  let stage: Stage

  beforeAll(async () => {
    stage = await setStage(backend)
  })
  beforeEach(async () => {
    stage.provider.answerWith([])
    await settleAll()
  })
  afterAll(() => stage.close())

  const environment = () => ({ DATABASE_URL: stage.database.url, REDIS_URL: stage.redis?.url })
  const trace = (wanted: string, more: Record<string, string> = {}) => traceHere(wanted, { ...environment(), ...more })

  const registrationOf = async (mailId: string) => {
    const found = await stage.pool.query<{ ref: string; requestId: string }>(
      `select users.ref, mails.request_id as "requestId" from mails join users on users.id = mails.user_id where mails.id = $1`,
      [mailId],
    )
    return found.rows[0] ?? { ref: '', requestId: '' }
  }

  /** What a test leaves unsettled would be the next worker's. */
  const settleAll = () =>
    stage.pool.query("update mails set settled_at = now(), outcome = 'dropped' where settled_at is null")

  /** Registers, and waits until the job's log tells so many tries. */
  const registerAndTry = async (email: string, tries: number) => {
    const worker = await stage.startWorker()
    const user = await stage.register(email)
    const countLogged = async () => (await worker.queue.getJobLogs(user.mailId)).count
    await vi.waitFor(async () => expect(await countLogged()).toBeGreaterThanOrEqual(tries), PATIENT)
    await worker.close()
    return user
  }

  test('before a worker runs it tells that the mail waits for one', async ({ expect }) => {
    const user = await stage.register('early@example.com')
    const { code, out } = await trace(user.mailId)
    expect(code).toBe(0)
    expect(told(out)).toEqual([
      'registered, and this mail enqueued',
      'now: it waits for a relay to offer it to the queue: see whether a worker is running',
    ])
  })

  test('of a delivered one tells its tries, and the same by its reference', async ({ expect }) => {
    stage.provider.answerWith([503])
    const user = await registerAndTry('delivered@example.com', 2)
    const { ref, requestId } = await registrationOf(user.mailId)
    // By a process of its own, as an operator does it.
    const { code, out, err } = await runTraceMail([user.mailId], environment())
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(
      new RegExp(`^${ref} to d…@example\\.com\n  mail ${user.mailId}, registration ${user.id}, request ${requestId}\n`),
    )
    expect(told(out)).toEqual([
      'registered, and this mail enqueued',
      'offered to the queue',
      expect.stringMatching(/^try 1: resend-503, next try in \d\.\d s$/),
      expect.stringMatching(/^accepted by resend as [0-9a-f-]{36}$/),
      'try 2: accepted by resend',
      expect.stringMatching(new RegExp(`^now: its code (?:is|was) valid until ${TIME}$`)),
    ])
    expect((await trace(ref)).out.split('\n').slice(0, -2)).toEqual(out.split('\n').slice(0, -2))
  })

  test('shows neither the whole address nor the code', async ({ expect }) => {
    stage.provider.answerWith([503])
    const user = await registerAndTry('secretive@example.com', 2)
    const { out, err } = await trace(user.mailId)
    expect(out).toContain('s…@example.com')
    expect(out + err).not.toContain('secretive')
    expect(
      told(out)
        .join('\n')
        .replaceAll(new RegExp(`${TIME}|[0-9a-f-]{36}`, 'g'), ''),
    ).not.toMatch(/\d{4}/)
    expect(codeIn(stage.provider.inbox('secretive@example.com')[0])).toMatch(/^\d{4}$/)
  })

  test('of a refused one tells why, and what to do', async ({ expect }) => {
    stage.provider.answerWith([422])
    const user = await registerAndTry('refused@example.com', 1)
    const lines = told((await trace(user.mailId)).out)
    expect(lines).toContain('refused for good: resend-422 validation-error')
    expect(lines).toContain('try 1: resend-422 validation-error, failed for good')
    expect(lines.at(-1)).toContain('retry the job in the dashboard')
  })

  test('of one that the provider wants later tells when', async ({ expect }) => {
    stage.provider.answerWith([{ status: 429, retryAfter: '3000' }])
    const user = await registerAndTry('later@example.com', 1)
    expect(told((await trace(user.mailId)).out).at(-1)).toMatch(
      new RegExp(`^now: the provider wants it later: not before ${TIME}$`),
    )
    // The queue is paused for everybody: a new mail waits for that.
    const worker = await stage.startWorker()
    const other = await stage.register('behind@example.com')
    await expect.poll(() => worker.queue.getJob(other.mailId)).toBeDefined()
    const standing = told((await trace(other.mailId)).out).at(-1)
    expect(standing).toMatch(/^now: all mails wait for the provider, for \d{3}\.\d s more$/)
    await worker.queue.removeRateLimitKey()
    await worker.close()
  })

  test('of one that is tried again tells when that is due', async ({ expect }) => {
    stage.provider.answerWith([], 503)
    const user = await registerAndTry('again@example.com', 1)
    const { out } = await trace(user.mailId)
    expect(told(out).at(-1)).toMatch(new RegExp(`^now: its job is \\w+, the next try is due at ${TIME}$`))
  })

  test('of several mails that one reference names is told one after the other', async ({ expect }) => {
    const users = [await stage.register('twin-a@example.com'), await stage.register('twin-b@example.com')]
    await stage.pool.query("update users set ref = 'TW1N' where id = any($1)", [users.map(({ id }) => id)])
    const { out } = await trace('tw1n')
    const places = users.map(({ mailId }) => out.indexOf(mailId))
    expect(Math.min(...places)).toBeGreaterThan(0)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  })

  test('is told from the rows when the queue cannot be reached, and says so', async ({ expect }) => {
    stage.provider.answerWith([503])
    const user = await registerAndTry('cut-off@example.com', 2)
    const nowhere = { REDIS_URL: `redis://127.0.0.1:${await findFreePort()}` }
    const { code, out, err } = await trace(user.mailId, nowhere)
    expect(code).toBe(0)
    expect(err).toContain('The queue in Redis cannot be reached')
    expect(out).toContain('2 tries of which the queue tells nothing; the last error was resend-503')
    expect(out).toContain('accepted by resend as')
  })

  test('nobody has heard of it: exit code 1', async ({ expect }) => {
    const { code, out, err } = await trace('ZZZZ')
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('No mail or event has this id')
  })
})

describe('trace-mail', () => {
  test.for([{ wanted: [] }, { wanted: [''] }, { wanted: ['a', 'b'] }])(
    '$wanted is answered with how to call it, and 2',
    async ({ wanted }, { expect }) => {
      const { code, out, err } = await runTraceMail(wanted, {})
      expect([code, out]).toEqual([2, ''])
      expect(err).toContain('node src/worker/trace-mail.ts <mail id')
    },
  )

  test('a wrong configuration is named, without its value', async ({ expect }) => {
    const { code, err } = await runTraceMail(['K7QX'], { DATABASE_URL: 'hunter2', REDIS_URL: 'hunter2' })
    expect(code).toBe(1)
    for (const name of ['DATABASE_URL', 'REDIS_URL']) expect(err).toContain(`${name}: `)
    expect(err).not.toContain('hunter2')
  })

  test('a database that is away is told in words', async ({ expect }) => {
    const url = `postgres://latchkey:hunter2@127.0.0.1:${await findFreePort()}/latchkey`
    const { code, out, err } = await runTraceMail(['K7QX'], { DATABASE_URL: url })
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('Is DATABASE_URL right')
    expect(err).not.toContain('hunter2')
  })
})
