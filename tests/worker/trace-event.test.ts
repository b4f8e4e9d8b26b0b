import { randomUUID } from 'node:crypto'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Told } from '../../src/core/events/deliver-event.ts'
import { startEvents, type Telling } from '../../src/worker/events/events.ts'
import { backends } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { runTraceMail } from './spawn-program.ts'
import { type Stage, setStage, trace as traceHere } from './stage.ts'

const TROUBLE: Told = { reason: 'receiver-500', isForEverybody: false, retryAfterMs: null }
const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`

describe.each(backends)('the trace of an event, jobs on %s', (backend) => {
  let stage: Stage
  let telling: Telling
  let answers: Told[] = []
  let otherwise: Told = 'accepted'

  beforeAll(async () => {
    stage = await setStage(backend)
    const worker = await stage.startWorker()
    telling = await startEvents(
      {
        ...{ pool: stage.pool, backend: worker.backend, registry: new Registry(), logger: silent },
        receiver: { tell: async () => answers.shift() ?? otherwise, close: async () => {} },
      },
      { databaseUrl: stage.database.url, giveUpAfterSeconds: 3600 },
    )
  })
  afterAll(async () => {
    await telling.close()
    await stage.close()
  })

  const raise = async (userId: string) => {
    const raised = await stage.pool.query<{ id: string }>(
      `insert into events (type, user_id, data) values ('user.activated', $1, '{"user":{"email":"told@example.com"}}') returning id`,
      [userId],
    )
    return raised.rows[0]?.id ?? ''
  }
  const tried = (id: string, times: number) =>
    expect.poll(async () => (await telling.queue.getJobLogs(id)).count).toBe(times)
  const environment = () => ({ DATABASE_URL: stage.database.url, REDIS_URL: stage.redis?.url })
  const trace = (wanted: string) => traceHere(wanted, environment())
  /** Line by line, without the times and what depends on speed. */
  const told = (out: string) =>
    out
      .trimEnd()
      .split('\n')
      .slice(2)
      .map((line) => line.slice(28).replace(/, the last of \d+ times$/, ''))

  test('tells its tries and its end, and nothing of the payload', async () => {
    ;[answers, otherwise] = [[TROUBLE], 'accepted']
    const userId = randomUUID()
    const id = await raise(userId)
    await tried(id, 2)
    // By a process of its own, as an operator does it.
    const { code, out, err } = await runTraceMail([id], environment())
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(new RegExp(`^user\\.activated\n  event ${id}, registration ${userId}\n`))
    expect(told(out)).toEqual([
      'raised, and enqueued',
      'offered to the queue',
      expect.stringMatching(/^try 1: receiver-500, next try in \d+\.\d s$/),
      'accepted by the receiver',
      'try 2: accepted',
      'now: the receiver has it',
    ])
    expect((await trace(userId)).out.split('\n').slice(0, -2)).toEqual(out.split('\n').slice(0, -2))
    expect(out).not.toContain('told@')
  })

  test('of one that fails tells when its next try is due, and with the mails of its registration', async () => {
    ;[answers, otherwise] = [[], TROUBLE]
    const user = await stage.register('failing@example.com')
    await expect.poll(() => stage.outcomeOf(user.mailId)).toBe('accepted')
    const id = await raise(user.id)
    await tried(id, 1)
    // It may be in hand just now; the waits between tries grow.
    const out = async () => (await trace(user.id)).out
    await expect.poll(out).toMatch(new RegExp(`now: its job is \\w+, the next try is due at ${TIME}\n$`))
    expect((await out()).indexOf(user.mailId)).toBeLessThan((await out()).indexOf(id))
    await stage.pool.query("update events set settled_at = now(), outcome = 'given-up' where id = $1", [id])
    expect(told((await trace(id)).out)).toEqual(expect.arrayContaining(['given up: receiver-500']))
    expect(told((await trace(id)).out).at(-1)).toContain('retry the job in the dashboard')
  })
})
