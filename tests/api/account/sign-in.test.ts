import { beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../../support/answers.ts'
import { basic, createTestApi, PASSWORD } from '../../support/api.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { type App, expectProblem, register, registerAndActivate } from '../api-client.ts'
import { accountRequests } from './requests.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const { signIn } = accountRequests(() => app)

describe('the sign-in check', () => {
  test('gives the active user, however the address was typed', async () => {
    const user = await registerAndActivate(app, database, 'ada@example.com')
    const answer = await signIn('ADA@Example.com')
    expect(answer.status).toBe(200)
    expect(await readUser(answer)).toMatchObject({ id: user.id, status: 'active', code: null })
    expect(
      (await app.request('/v1/account', { method: 'HEAD', headers: { authorization: basic(user.email) } })).status,
    ).toBe(200)
  })

  test('is one 401 for unknown, malformed, pending and wrong', async () => {
    await register(app, 'pending@example.com')
    await registerAndActivate(app, database, 'known@example.com')
    const answers = [
      await signIn('unknown@example.com'),
      await signIn('nobody'),
      await signIn(''),
      await signIn('pending@example.com'),
      await signIn('known@example.com', 'another password'),
    ]
    const problems = []
    for (const answer of answers) {
      const { requestId, ...problem } = await expectProblem(answer, 'unauthenticated')
      problems.push(JSON.stringify(problem))
    }
    expect(new Set(problems).size).toBe(1)
    await expectProblem(await app.request('/v1/account'), 'unauthenticated')
  })

  test('other methods are 405', async () => {
    const answer = await app.request('/v1/account', { method: 'POST' })
    expect([answer.status, answer.headers.get('allow')?.split(', ').toSorted()]).toEqual([
      405,
      ['DELETE', 'GET', 'HEAD'],
    ])
    expect((await app.request('/v1/account/password', { method: 'GET' })).headers.get('allow')).toBe('PUT')
  })
})

describe('the limits of failed sign-ins', () => {
  const fail = async (api: App, email: string, at: string, times: number) => {
    for (let i = 0; i < times; i += 1) await signIn(email, 'another password', { at, api })
  }

  test('count per address and network', async () => {
    const api = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '2/1h' })
    await registerAndActivate(app, database, 'limited@example.com')
    await fail(api, 'Limited@Example.com', '192.0.2.10', 1)
    await fail(api, 'limited@example.com', '192.0.2.10', 1)
    await expectProblem(await signIn('limited@example.com', PASSWORD, { at: '192.0.2.10', api }), 'too-many-requests')
    expect((await signIn('limited@example.com', PASSWORD, { at: '192.0.2.11', api })).status).toBe(200)
    expect((await signIn('another@example.com', PASSWORD, { at: '192.0.2.10', api })).status).toBe(401)
    await fail(api, 'no address', '192.0.2.10', 2)
    expect((await signIn('no address', PASSWORD, { at: '192.0.2.10', api })).status).toBe(429)
    expect((await signIn('no other address', PASSWORD, { at: '192.0.2.10', api })).status).toBe(401)
  })

  test('let a crowd of networks guess ten times as often, and never lock the owner out of his own', async () => {
    const api = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '1/1h' })
    await registerAndActivate(app, database, 'hunted@example.com')
    expect((await signIn('hunted@example.com', PASSWORD, { at: '198.51.100.1', api })).status).toBe(200)
    for (let host = 10; host < 20; host += 1) await fail(api, 'hunted@example.com', `203.0.113.${host}`, 1)
    const stranger = await signIn('hunted@example.com', PASSWORD, { at: '203.0.113.30', api })
    await expectProblem(stranger, 'too-many-requests')
    expect((await signIn('hunted@example.com', PASSWORD, { at: '198.51.100.1', api })).status).toBe(200)
    await database.pool.query("update sign_in_networks set at = now() - interval '31 days'")
    expect((await signIn('hunted@example.com', PASSWORD, { at: '198.51.100.1', api })).status).toBe(429)
  })

  test('refuse an unknown address as they do a known one', async () => {
    const api = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '1/1h' })
    for (let host = 10; host < 20; host += 1) await fail(api, 'no-one@example.com', `203.0.113.${host}`, 1)
    expect((await signIn('no-one@example.com', PASSWORD, { at: '203.0.113.31', api })).status).toBe(429)
  })

  test('count per network over all addresses', async () => {
    const api = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_NET: '3/1h' })
    for (const name of ['a', 'b', 'c']) await fail(api, `${name}@example.com`, '192.0.2.77', 1)
    expect((await signIn('d@example.com', PASSWORD, { at: '192.0.2.77', api })).status).toBe(429)
  })

  test('remember twenty networks of an owner at most, as keyed digests', async () => {
    const { id } = await registerAndActivate(app, database, 'traveller@example.com')
    for (let host = 1; host <= 25; host += 1)
      await signIn('traveller@example.com', PASSWORD, { at: `198.51.100.${host}` })
    const kept = await database.pool.query(
      'select octet_length(network_key) as size from sign_in_networks where user_id = $1',
      [id],
    )
    expect(kept.rows).toEqual(Array.from({ length: 20 }, () => ({ size: 32 })))
  })
})
