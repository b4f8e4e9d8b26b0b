import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, activate, expire, from, otherThan, read, registerAndDeliver, resend } from './api-client.ts'
import { roundTrips } from './statements.ts'

const LIMITS = {
  LIMIT_REGISTRATIONS_PER_NET: '1000/1h,2000/24h',
  LIMIT_WRONG_CODES_PER_NET: '1000/1h,2000/24h',
  LIMIT_MAILS_PER_MAILBOX: '1000/1h,2000/24h',
  LIMIT_FAILED_LOGINS_PER_USER: '1000/1h',
  LIMIT_FAILED_LOGINS_PER_NET: '1000/1h',
  RESEND_COOLDOWN_SECONDS: '0',
}
const USED_UP = { ...LIMITS, LIMIT_FAILED_LOGINS_PER_NET: '1/1h' }

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database, LIMITS)
})
afterAll(() => database.drop())

/** The round trips of a request that is answered with this status. */
const tripsOf = (status: number, ask: () => Response | Promise<Response>): Promise<string[][]> =>
  roundTrips(async () => expect((await ask()).status).toBe(status))

const register = (headers: Record<string, string> = {}, to = app, email = 'ada@example.com') =>
  to.request('/v1/users', post({ email, password: PASSWORD }, headers), from('192.0.2.1'))

const signIn = (email: string, password = PASSWORD) =>
  app.request('/v1/account', { headers: { authorization: basic(email, password) } }, from('192.0.2.1'))

describe('a registration makes', () => {
  test('two: a look, and the transaction', async () => {
    await register()
    expect(await tripsOf(202, register)).toEqual([['select'], ['begin', 'with', 'commit']])
  })

  test('as many with an idempotency key, and its repetition three: whose it is, what is left, how it stands', async () => {
    const once = () => tripsOf(202, () => register({ 'idempotency-key': 'k' }))
    expect(await once()).toEqual([['select'], ['begin', 'update', 'with', 'commit']])
    expect(await once()).toEqual([['select'], ['select'], ['select']])
  })

  test('one when nothing is limited: there is nothing to look at', async () => {
    const free = await createTestApi(database)
    const once = () => register({}, free, 'free@example.com')
    expect(await tripsOf(202, once)).toEqual([['begin', 'with', 'commit']])
  })

  test('one when it is refused', async () => {
    const limited = await createTestApi(database, { ...LIMITS, LIMIT_MAILS_PER_MAILBOX: '1/1h' })
    const again = () => register({}, limited, 'limited@example.com')
    expect((await again()).status).toBe(202)
    expect(await tripsOf(429, again)).toEqual([['select']])
  })
})

describe('whoever is authenticated makes', () => {
  test('two to see a registration, whether his password is remembered or not, and whatever its code is', async () => {
    const user = await registerAndDeliver(app, database, 'status@example.com')
    const look = () => tripsOf(200, () => read(app, user))
    const [cold, warm] = [await look(), await look()]
    await expire(database, user)
    expect([cold, warm, await look()]).toEqual(Array(3).fill([['select'], ['select']]))
  })

  test('four to activate: a look, begin with locks and looks, what is written, commit', async () => {
    const user = await registerAndDeliver(app, database, 'activation@example.com')
    const locked = ['begin', ...Array(5).fill('select')]
    expect(await tripsOf(400, () => activate(app, user, otherThan(user.code)))).toEqual([
      ['select'],
      locked,
      ['with', 'update', 'insert'],
      ['commit'],
    ])
    expect(await tripsOf(200, () => activate(app, user, user.code))).toEqual([
      ['select'],
      locked,
      ['select', 'update', 'savepoint', 'update'],
      ['commit'],
    ])
    expect(await tripsOf(200, () => activate(app, user, user.code))).toEqual([['select'], locked, ['commit']])
  })

  test('as many to activate when other systems are told', async () => {
    const telling = await createTestApi(database, { ...LIMITS, WEBHOOK_URL: 'https://crm.example', WEBHOOK_SECRET })
    const user = await registerAndDeliver(app, database, 'told@example.com')
    expect(await tripsOf(200, () => activate(telling, user, user.code))).toEqual([
      ['select'],
      ['begin', ...Array(5).fill('select')],
      ['select', 'update', 'savepoint', 'update', 'insert'],
      ['commit'],
    ])
    const events = await database.pool.query('select type from events where user_id = $1', [user.id])
    expect(events.rows).toEqual([{ type: 'user.activated' }])
    const other = await registerAndDeliver(app, database, 'told@example.com')
    expect((await activate(telling, other, other.code)).status).toBe(400)
    expect((await database.pool.query('select 1 from events where user_id = $1', [other.id])).rowCount).toBe(0)
  })

  test('two when what was typed is no code', async () => {
    const user = await registerAndDeliver(app, database, 'unreadable@example.com')
    expect(await tripsOf(422, () => activate(app, user, '12a4'))).toEqual([['select'], ['select']])
  })

  test('four for another code: a look, begin with lock and looks, what is written, commit', async () => {
    const user = await registerAndDeliver(app, database, 'resend@example.com')
    const locked = ['begin', 'select', 'select']
    const written = ['update', 'with', 'with']
    expect(await tripsOf(202, () => resend(app, user))).toEqual([['select'], locked, written, ['commit']])
    expect(await tripsOf(202, () => resend(app, user))).toEqual([['select'], locked, ['commit']])
  })

  test('two for a sign-in, and one more for the first of a day from a network', async () => {
    const user = await registerAndDeliver(app, database, 'account@example.com')
    await activate(app, user, user.code)
    expect(await tripsOf(200, () => signIn(user.email))).toEqual([['select'], ['select'], ['with']])
    expect(await tripsOf(200, () => signIn(user.email))).toEqual([['select'], ['select']])
    const restarted = await createTestApi(database, LIMITS)
    const cold = () =>
      restarted.request('/v1/account', { headers: { authorization: basic(user.email) } }, from('192.0.2.1'))
    expect(await tripsOf(200, cold)).toEqual([['select'], ['select']])
  })
})

describe('whoever is not makes', () => {
  test('two, a look and a count, whatever is wrong', async () => {
    const pending = await registerAndDeliver(app, database, 'pending@example.com')
    const active = await registerAndDeliver(app, database, 'active@example.com')
    await activate(app, active, active.code)
    const wrong = 'another password'
    const asked = [
      () => read(app, pending, wrong),
      () => read(app, { ...pending, email: 'other@example.com' }),
      () => read(app, { ...pending, id: crypto.randomUUID() }),
      () => read(app, { ...pending, id: 'no-uuid' }),
      () => signIn(active.email, wrong),
      () => signIn(pending.email),
      () => signIn('nobody@example.com'),
      () => signIn('no address'),
    ]
    for (const ask of asked) expect(await tripsOf(401, ask)).toEqual([['select'], ['with']])
  })

  test('one when nothing is left of failed sign-ins, whoever he is', async () => {
    await database.pool.query('delete from rate_limits')
    const limited = await createTestApi(database, USED_UP)
    const user = await registerAndDeliver(app, database, 'limited-login@example.com')
    expect((await read(limited, user, 'another password')).status).toBe(401)
    for (const ask of [
      () => read(limited, user),
      () => read(limited, { ...user, id: crypto.randomUUID() }),
      () => activate(limited, user, user.code),
      () => resend(limited, user),
    ])
      expect(await tripsOf(429, ask)).toEqual([['select']])
  })
})

test('a registration is answered as it is shown afterwards', async () => {
  const body = { email: 'Same@Example.com', password: PASSWORD, locale: 'de', metadata: { b: 1, a: [2] } }
  const user = await readUser(await app.request('/v1/users', post(body)))
  const authorization = `Basic ${btoa(`same@example.com:${PASSWORD}`)}`
  const shown = await readUser(await app.request(`/v1/users/${user.id}`, { headers: { authorization } }))
  expect(user).toEqual(shown)
})
