import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEvents, type Telling } from '../../src/worker/events/events.ts'
import { openReceiver } from '../../src/worker/events/receiver.ts'
import { activate, codeOf } from '../api/api-client.ts'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { backends } from '../support/backends.ts'
import { silent } from '../support/database.ts'
import { type EventReceiver, startEventReceiver } from '../support/event-receiver.ts'
import { dumpRedis, dumpTables, findIn } from '../worker/leak-search.ts'
import { type Stage, setStage } from '../worker/stage.ts'

const SECRETS = ['whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz']
const NEW_PASSWORD = 'another horse battery'

describe.each(backends)('after DELETE /v1/account with events on, jobs on %s', (backend) => {
  let stage: Stage
  let receiver: EventReceiver
  let telling: Telling
  let close: () => Promise<void>

  beforeAll(async () => {
    ;[stage, receiver] = await Promise.all([setStage(backend), startEventReceiver()])
    const worker = await stage.startWorker()
    const client = openReceiver({ url: receiver.url, secrets: SECRETS, connections: 4 })
    telling = await startEvents(
      { pool: stage.pool, backend: worker.backend, registry: new Registry(), logger: silent, receiver: client },
      { databaseUrl: stage.database.url, giveUpAfterSeconds: 3600 },
    )
    close = async () => {
      await telling.close()
      await client.close()
    }
  })
  afterAll(async () => {
    await close()
    await stage.close()
    await receiver.close()
  })

  const dump = async () => {
    const places = [await dumpTables(stage.pool), ...(stage.redis ? [await dumpRedis(stage.redis.dataUrl)] : [])]
    const emails = await stage.pool.query<{ email: string }>('select email from users')
    return [...places.map(({ text }) => text), ...emails.rows.map(({ email }) => email)].join('\n')
  }
  const hashOf = async (id: string) =>
    (await stage.pool.query('select password_hash as hash from users where id = $1', [id])).rows[0]?.hash
  const countEvents = async (where: string) => (await stage.pool.query(`select from events where ${where}`)).rowCount

  test('neither address, nor metadata, nor hash is left in events that were told, and in one that waits', async () => {
    const app = await createTestApi(stage.database, { WEBHOOK_URL: receiver.url })
    const email = `erased-${backend}@example.com`
    const metadata = { plan: 'a plan of its own' }
    const user = await readUser(await app.request('/v1/users', post({ email, password: PASSWORD, metadata })))
    await expect.poll(() => stage.codeStatusOf(user)).toBe('sent')
    expect((await activate(app, user, await codeOf(stage.database, user))).status).toBe(200)
    await expect.poll(() => countEvents("outcome = 'accepted'")).toBe(1)
    const hashes = [await hashOf(user.id)]
    receiver.answerWith([], 500)
    const change = post({ password: NEW_PASSWORD }, { authorization: basic(email) })
    expect((await app.request('/v1/account/password', { ...change, method: 'PUT' })).status).toBe(204)
    await expect.poll(() => countEvents('failing_since is not null')).toBe(1)
    hashes.push(await hashOf(user.id))
    const before = await dump()
    expect([email, metadata.plan].filter((value) => findIn(before, value) === null)).toEqual([])
    const authorization = basic(email, NEW_PASSWORD)
    expect((await app.request('/v1/account', { method: 'DELETE', headers: { authorization } })).status).toBe(204)
    await expect.poll(() => countEvents('failing_since is not null')).toBe(2)
    const after = await dump()
    expect([email, metadata.plan, ...hashes].filter((value) => findIn(after, value) !== null)).toEqual([])
    receiver.answerWith([])
    await expect.poll(() => receiver.taken().length).toBe(3)
    expect(
      receiver
        .taken()
        .slice(1)
        .map(({ data }) => data),
    ).toEqual([{ user: { id: user.id } }, { user: { id: user.id } }])
  })
})
