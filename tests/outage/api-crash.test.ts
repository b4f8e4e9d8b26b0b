import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readUser } from '../support/answers.ts'
import { PASSWORD, post } from '../support/api.ts'
import { describeBackends } from '../support/backends.ts'
import { PATIENT } from '../support/patient.ts'
import { startProcess, startProgram, type TestProcess } from '../support/processes.ts'
import { untilServed } from '../support/until-served.ts'
import { type Stage, setStage } from '../worker/stage.ts'

const EMAILS = Array.from({ length: 20 }, (_, index) => `crash${index + 10}@example.com`)
// Slow enough for most of the requests to be in flight when the first is answered.
const SLOW = { BCRYPT_COST: '10' }
// However busy the machine is: a mail without an answer in time would be sent again, under its key.
const PATIENT_WORKER = { delivery: { timeoutMs: 30_000 } }

const register = async (api: { url: string }, email: string) => {
  const body = post({ email, password: PASSWORD }, { 'idempotency-key': email })
  const answer = await untilServed(() => fetch(`${api.url}/v1/users`, body))
  expect(answer.status).toBe(202)
  return readUser(answer)
}

describeBackends('an api that is killed, with jobs on %s', (backend) => {
  let stage: Stage
  const started: (() => Promise<unknown>)[] = []

  beforeEach(async () => {
    stage = await setStage(backend)
  })
  afterEach(async () => {
    await Promise.all(started.splice(0).map((end) => end()))
    await stage.close()
  })

  const startApi = async (environment: Record<string, string> = {}) => {
    const api = await startProcess('api', { DATABASE_URL: stage.database.url, ...environment })
    started.push(api.kill)
    return api
  }

  /** Registers everybody, kills the api when `moment` has come, and tells what became of the requests. */
  const crash = async (victim: TestProcess, moment: (sent: Promise<unknown>[]) => Promise<unknown>) => {
    const sent = EMAILS.map((email) => register(victim, email))
    const settled = Promise.allSettled(sent)
    await moment(sent)
    await victim.kill()
    return settled
  }

  const repeatAtFreshOne = async () => {
    const heir = await startProgram('api', { DATABASE_URL: stage.database.url })
    started.push(heir.stop)
    const users = await Promise.all(EMAILS.map((email) => register(heir, email)))
    return users.map((user) => user.id)
  }

  const expectOneOfEach = async (ids: string[]) => {
    const users = await stage.pool.query<{ id: string }>('select id from users order by email')
    expect(users.rows.map((user) => user.id)).toEqual(ids)
    const countAccepted = async () =>
      (await stage.pool.query("select 1 from mails where outcome = 'accepted'")).rowCount
    await vi.waitFor(async () => expect(await countAccepted()).toBe(EMAILS.length), PATIENT)
    for (const email of EMAILS) expect(stage.requestsTo(email)).toHaveLength(1)
  }

  /** Whoever registers meanwhile waits in the middle of a transaction. */
  const whileCodesAreHeld = async <Result>(run: (countWaiting: () => Promise<number | null>) => Promise<Result>) => {
    const client = await stage.pool.connect()
    try {
      await client.query('begin; lock table codes in exclusive mode')
      const waiting =
        "select 1 from pg_stat_activity where datname = current_database() and query like 'with owner as%' and wait_event_type = 'Lock'"
      return await run(async () => (await stage.pool.query(waiting)).rowCount)
    } finally {
      client.release(true)
    }
  }

  test('when it has answered some: who repeats the request gets the same user, and one mail', async ({ expect }) => {
    await stage.startWorker(PATIENT_WORKER)
    const answers = await crash(await startApi(SLOW), (sent) => Promise.any(sent))
    expect(answers.map((answer) => answer.status)).toContain('rejected')
    const ids = await repeatAtFreshOne()
    for (const [index, answer] of answers.entries())
      if (answer.status === 'fulfilled') expect(ids[index]).toBe(answer.value.id)
    await expectOneOfEach(ids)
  })

  test('in the middle of its transactions: nothing is half-stored, and a repetition begins anew', async ({
    expect,
  }) => {
    const victim = await startApi()
    const answers = await whileCodesAreHeld((countWaiting) =>
      crash(victim, () => expect.poll(countWaiting).toBe(EMAILS.length)),
    )
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set(['rejected']))
    await stage.startWorker(PATIENT_WORKER)
    await expectOneOfEach(await repeatAtFreshOne())
  })
})
