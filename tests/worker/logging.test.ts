import { Writable } from 'node:stream'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { backends } from '../support/backends.ts'
import type { TestWorker } from '../support/test-worker.ts'
import { type Stage, setStage, startGatedProvider } from './stage.ts'

describe.each(backends)('what a worker on %s says of its tries', (backend) => {
  let stage: Stage
  let worker: TestWorker
  const lines: string[] = []
  const logger = pino(
    { level: 'debug', formatters: { level: (level) => ({ level }) } },
    new Writable({
      write: (chunk, _, done) => {
        lines.push(String(chunk))
        done()
      },
    }),
  )

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await stage.startWorker({ logger })
  })
  beforeEach(() => stage.provider.answerWith([]))
  afterAll(() => stage.close())

  const linesWith = (text: string) => lines.filter((line) => line.includes(text)).map((line) => JSON.parse(line))
  const triesOf = (mailId: string) => linesWith(mailId).filter(({ durationMs }) => durationMs !== undefined)
  const jobLog = async (mailId: string) => (await worker.queue.getJobLogs(mailId)).logs
  const refOf = async (userId: string) =>
    (await stage.pool.query<{ ref: string }>('select ref from users where id = $1', [userId])).rows[0]?.ref

  /** A registration whose job is held back until `change` was made to its rows. */
  const registerAnd = async (email: string, change: (user: { id: string; mailId: string }) => Promise<unknown>) => {
    await worker.queue.pause()
    const user = await stage.register(email)
    await expect.poll(() => worker.queue.getJob(user.mailId)).toBeDefined()
    await change(user)
    await worker.queue.resume()
    return user
  }

  test('a try is one line with outcome, mail, request, attempt and milliseconds, in the log and in the job', async () => {
    stage.provider.answerWith([503])
    const user = await stage.register('late@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    await expect.poll(() => jobLog(user.mailId)).toHaveLength(2)
    const [ref, requestId] = [await refOf(user.id), triesOf(user.mailId)[0]?.requestId]
    const both = {
      level: 'info',
      msg: 'mail delivery attempt',
      mailId: user.mailId,
      requestId,
      ref,
      to: 'l…@example.com',
    }
    expect(triesOf(user.mailId)).toMatchObject([
      { ...both, attempt: 1, end: 'later', reason: 'resend-503', durationMs: expect.any(Number) },
      { ...both, attempt: 2, end: 'done', outcome: 'accepted', durationMs: expect.any(Number) },
    ])
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
    const head = String.raw`^\d{4}-\d\d-\d\dT[\d:.]+Z ${ref}, request ${requestId}`
    expect(await jobLog(user.mailId)).toEqual([
      expect.stringMatching(new RegExp(String.raw`${head}, try 1: resend-503, next try in \d+\.\d s$`)),
      expect.stringMatching(new RegExp(`${head}, try 2: accepted by resend$`)),
    ])
  })

  test('of a mail that is accepted at once the job keeps the outcome, without a line besides', async () => {
    const user = await stage.register('at-once@example.com')
    const job = () => worker.queue.getJob(user.mailId)
    await expect.poll(async () => (await job())?.returnvalue).toBe('accepted')
    expect(triesOf(user.mailId)).toMatchObject([{ attempt: 1, end: 'done', outcome: 'accepted' }])
    expect(await jobLog(user.mailId)).toEqual([])
  })

  test('a refused mail is a warning that says what to do, and a line in the job', async () => {
    stage.provider.answerWith([422])
    const user = await stage.register('refused@example.com')
    await expect.poll(() => triesOf(user.mailId)).toHaveLength(1)
    expect(triesOf(user.mailId)).toMatchObject([
      {
        level: 'warn',
        reason: 'resend-422 validation-error',
        attempt: 1,
        msg: expect.stringContaining('retry it in the dashboard'),
      },
    ])
    await expect
      .poll(() => jobLog(user.mailId))
      .toEqual([expect.stringMatching(/try 1: resend-422 validation-error, failed for good$/)])
  })

  test('a broken key is a warning that names what to correct', async () => {
    stage.provider.answerWith([401])
    const user = await stage.register('key@example.com')
    await expect.poll(() => triesOf(user.mailId)).not.toHaveLength(0)
    const [first] = triesOf(user.mailId)
    expect(first).toMatchObject({ level: 'warn', advice: expect.stringContaining('MAIL_API_KEY') })
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
  })

  test.each([
    {
      what: 'is active already',
      change: (stage: Stage, { id }: { id: string }) =>
        stage.pool.query('update users set activated_at = now() where id = $1', [id]),
      told: { level: 'info', outcome: 'dropped' },
    },
    {
      what: 'is in the hand of another run',
      change: (stage: Stage, { mailId }: { mailId: string }) =>
        stage.pool.query(
          "update mails set lease_token = gen_random_uuid(), lease_until = clock_timestamp() + interval '10 minutes' where id = $1",
          [mailId],
        ),
      told: { level: 'info', end: 'later', reason: 'taken-by-another-run' },
    },
    {
      what: 'is held back by the provider',
      change: (stage: Stage, { mailId }: { mailId: string }) =>
        stage.pool.query("update mails set retry_at = clock_timestamp() + interval '10 minutes' where id = $1", [
          mailId,
        ]),
      told: { level: 'info', end: 'later', reason: 'held-back-by-provider' },
    },
  ])('a mail that $what gets its line too', async ({ what, change, told }) => {
    const user = await registerAnd(`${what.replaceAll(' ', '-')}@example.com`, (changed) => change(stage, changed))
    await expect.poll(() => triesOf(user.mailId)).not.toHaveLength(0)
    expect(triesOf(user.mailId)[0]).toMatchObject({
      ...told,
      ref: await refOf(user.id),
      requestId: expect.stringMatching(/./),
      to: 'i…@example.com',
    })
    await expect.poll(() => jobLog(user.mailId)).not.toHaveLength(0)
  })

  test('a run that has lost its lease says so', async () => {
    const [gate, own] = await Promise.all([startGatedProvider(), setStage(backend)])
    onTestFinished(async () => void (await Promise.all([gate.close(), own.close()])))
    await own.startWorker({ logger, mailUrl: gate.url })
    const user = await own.register('lost-lease@example.com')
    await expect.poll(() => gate.requests(user.email)).toBe(1)
    await own.pool.query('update mails set lease_token = gen_random_uuid() where id = $1', [user.mailId])
    gate.release()
    await expect.poll(() => triesOf(user.mailId).map(({ reason }) => reason)).toContain('lease-lost')
  })

  test("a try that our own fault breaks off is an error in the log, and a fixed word in the job's", async () => {
    await stage.pool.query('alter table mails rename column provider_id to provider_id_away')
    const user = await stage.register('broken@example.com').finally(async () => {
      await expect.poll(() => linesWith('internal error')).not.toHaveLength(0)
      await stage.pool.query('alter table mails rename column provider_id_away to provider_id')
    })
    expect(linesWith('internal error')[0]).toMatchObject({
      level: 'error',
      mailId: user.mailId,
      err: { message: expect.stringContaining('provider_id') },
    })
    await expect.poll(async () => (await jobLog(user.mailId))[0]).toMatch(/ internal-error, next try in /)
  })

  test('a job that names no mail is a warning', async () => {
    await worker.queue.add('send-code', { mailId: 'ada@example.com' })
    await expect.poll(() => linesWith('a job that names no mail')).toMatchObject([{ level: 'warn' }])
  })

  test('no line and no job shows a whole address', async () => {
    stage.provider.answerWith([503])
    const discreet = await stage.register('discreet@example.com')
    await expect.poll(() => triesOf(discreet.mailId)).not.toHaveLength(0)
    await expect.poll(() => jobLog(discreet.mailId)).not.toHaveLength(0)
    const mails = await stage.pool.query<{ id: string; email: string }>(
      'select mails.id, users.email from mails join users on users.id = mails.user_id',
    )
    const told = (await Promise.all(mails.rows.map(({ id }) => jobLog(id)))).flat().concat(lines).join('\n')
    expect(told).toContain('d…@example.com')
    for (const { email } of mails.rows) expect(told).not.toContain(email)
  })
})
