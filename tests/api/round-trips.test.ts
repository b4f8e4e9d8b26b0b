import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readUser } from '../support/answers.ts'
import { createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, activate, from, otherThan, registerAndDeliver, resend } from './api-client.ts'

const LIMITS = {
  LIMIT_REGISTRATIONS_PER_NET: '1000/1h,2000/24h',
  LIMIT_WRONG_CODES_PER_NET: '1000/1h,2000/24h',
  LIMIT_MAILS_PER_MAILBOX: '1000/1h,2000/24h',
  LIMIT_FAILED_LOGINS_PER_USER: '1000/1h',
  LIMIT_FAILED_LOGINS_PER_NET: '1000/1h',
  RESEND_COOLDOWN_SECONDS: '0',
}

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database, LIMITS)
})
afterAll(() => database.drop())

/** The first words of the statements that `work` waits for, by round trip: what is sent before another is answered shares its trip. */
const roundTrips = async (work: () => Promise<unknown>): Promise<string[][]> => {
  const trips: string[][] = []
  let underWay = 0
  const query = pg.Client.prototype.query
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...call: unknown[]) {
    const [first] = call
    const text = typeof first === 'object' && first !== null && 'text' in first ? String(first.text) : String(first)
    if (text.includes('pg_notify')) return Reflect.apply(query, this, call)
    if (underWay === 0) trips.push([])
    trips.at(-1)?.push(text.trim().split(/\s/)[0] ?? '')
    underWay += 1
    const answered = () => {
      underWay -= 1
    }
    // The pool passes a function, and a transaction awaits.
    const last = call.at(-1)
    const told = (...result: unknown[]) => {
      answered()
      if (typeof last === 'function') last(...result)
    }
    const sent: unknown = Reflect.apply(query, this, typeof last === 'function' ? [...call.slice(0, -1), told] : call)
    if (sent instanceof Promise) sent.then(answered, answered)
    return sent
  })
  await work().finally(() => spy.mockRestore())
  return trips
}

const register = (headers: Record<string, string> = {}, to = app, email = 'ada@example.com') =>
  to.request('/v1/users', post({ email, password: PASSWORD }, headers), from('192.0.2.1'))

describe('with limits on', () => {
  test('a registration makes four round trips: a look, begin with the rows, the budgets, commit', async () => {
    await register()
    const trips = await roundTrips(async () => expect((await register()).status).toBe(202))
    expect(trips).toEqual([['select'], ['begin', 'with'], ['with'], ['commit']])
  })

  test('one with an idempotency key too, and its repetition three', async () => {
    // So that there are connections for two looks at once.
    await Promise.all([register(), register(), register()])
    const once = () => roundTrips(async () => expect((await register({ 'idempotency-key': 'k' })).status).toBe(202))
    expect(await once()).toEqual([['select', 'select'], ['begin', 'update', 'with'], ['with'], ['commit']])
    expect((await once()).length).toBeLessThanOrEqual(3)
  })

  test('a refusal makes one', async () => {
    const limited = await createTestApi(database, { ...LIMITS, LIMIT_MAILS_PER_MAILBOX: '1/1h' })
    const again = () => register({}, limited, 'limited@example.com')
    expect((await again()).status).toBe(202)
    expect(await roundTrips(async () => expect((await again()).status).toBe(429))).toEqual([['select']])
  })

  test('an activation makes four from its begin on: locks with looks, what is written, the answer, commit', async () => {
    const user = await registerAndDeliver(app, database, 'activation@example.com')
    await activate(app, user, otherThan(user.code))
    const trips = await roundTrips(async () => expect((await activate(app, user, user.code)).status).toBe(200))
    expect(trips.slice(trips.findIndex(([first]) => first === 'begin'))).toEqual([
      ['begin', 'select', 'select', 'select', 'select'],
      ['select', 'update', 'savepoint', 'update'],
      ['select'],
      ['commit'],
    ])
  })

  test('a resend makes ten', async () => {
    const user = await registerAndDeliver(app, database, 'resend@example.com')
    const trips = await roundTrips(async () => expect((await resend(app, user)).status).toBe(202))
    expect(trips.length).toBeLessThanOrEqual(10)
  })
})

test('a registration is answered as it is shown afterwards', async () => {
  const body = { email: 'Same@Example.com', password: PASSWORD, locale: 'de', metadata: { b: 1, a: [2] } }
  const user = await readUser(await app.request('/v1/users', post(body)))
  const authorization = `Basic ${btoa(`same@example.com:${PASSWORD}`)}`
  const shown = await readUser(await app.request(`/v1/users/${user.id}`, { headers: { authorization } }))
  expect(user).toEqual(shown)
})
