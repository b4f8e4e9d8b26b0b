import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { activate, codeOf, deliver } from '../api/api-client.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { backends } from '../support/backends.ts'
import type { TestWorker } from '../support/test-worker.ts'
import { dumpRedis, dumpTables, findIn } from './leak-search.ts'
import { type Stage, setStage } from './stage.ts'

describe.each(backends)('after DELETE /v1/account, jobs on %s', (backend) => {
  let stage: Stage
  let worker: TestWorker

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await stage.startWorker()
  })
  afterAll(() => stage.close())

  const dump = async () => {
    const places = [await dumpTables(stage.pool), ...(stage.redis ? [await dumpRedis(stage.redis.dataUrl)] : [])]
    const emails = await stage.pool.query<{ email: string }>('select email from users')
    return [...places.map(({ text }) => text), ...emails.rows.map(({ email }) => email)].join('\n')
  }

  test('neither address, nor metadata, nor hash is left, also where a mail failed for good', async () => {
    const { app, pool, provider } = stage
    const email = `erased-${backend}@example.com`
    // The job of a refused mail is kept, with its log.
    provider.answerWith([422])
    const metadata = { plan: 'a plan of its own' }
    const user = await readUser(await app.request('/v1/users', post({ email, password: PASSWORD, metadata })))
    await expect.poll(() => stage.codeStatusOf(user)).toBe('undeliverable')
    const database = stage.database
    await deliver(database, user)
    expect((await activate(app, user, await codeOf(database, user))).status).toBe(200)
    const authorization = basic(email)
    expect((await app.request('/v1/account', { headers: { authorization } })).status).toBe(200)
    expect((await app.request('/v1/account', { headers: { authorization: basic(email, 'wrong one') } })).status).toBe(
      401,
    )
    const hash = (await pool.query('select password_hash as hash from users where id = $1', [user.id])).rows[0]?.hash
    const secrets = [email, metadata.plan, hash]
    const before = await dump()
    expect(secrets.filter((value) => findIn(before, value) !== null)).toEqual(secrets)
    expect((await app.request('/v1/account', { method: 'DELETE', headers: { authorization } })).status).toBe(204)
    const after = await dump()
    expect(secrets.filter((value) => findIn(after, value) !== null)).toEqual([])
  })

  test('a mail that waits is never sent', async () => {
    const { app, provider } = stage
    const email = `waiting-${backend}@example.com`
    provider.answerWith([], 503)
    const { id, mailId } = await stage.register(email)
    await expect.poll(() => stage.requestsTo(email).length).toBeGreaterThan(0)
    await stage.pool.query('update users set activated_at = now() where id = $1', [id])
    const headers = { authorization: basic(email) }
    expect((await app.request('/v1/account', { method: 'DELETE', headers })).status).toBe(204)
    const left = await stage.pool.query('select from mails where user_id = $1', [id])
    expect(left.rowCount).toBe(0)
    // The job that waited for its next try finds no row.
    const sentBefore = stage.requestsTo(email).length
    const lastLine = async () => (await worker.queue.getJobLogs(mailId)).logs.at(-1)
    await expect.poll(lastLine).toContain('a mail that is gone')
    expect(stage.requestsTo(email)).toHaveLength(sentBefore)
  })
})
