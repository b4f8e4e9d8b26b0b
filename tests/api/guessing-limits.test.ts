import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { basic, createTestApi } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import {
  type App,
  activate,
  expectProblem,
  from,
  otherThan,
  read,
  register,
  registerAndActivate,
  registerAndDeliver,
  resend,
  statusesInOrder,
} from './api-client.ts'

const database = shareTestDatabase()
afterEach(async () => void (await database.pool.query('delete from rate_limits; delete from users')))

/** Uses the budget up when the first statement of the next request has been answered, as others do who come at once. */
const useUpBehindTheLook = (app: App, user: { id: string; email: string }) => {
  const look = database.pool.read
  const spy = vi.spyOn(database.pool, 'read').mockImplementationOnce(async (...statement) => {
    const looked = await look(...statement)
    expect((await read(app, user, 'wrong password')).status).toBe(401)
    expect((await signIn(app, user.email, 'wrong password')).status).toBe(401)
    return looked
  })
  onTestFinished(() => spy.mockRestore())
}

const signIn = (app: App, email: string, password?: string, request: RequestInit = {}, path = '') =>
  app.request(`/v1/account${path}`, {
    ...request,
    headers: { authorization: basic(email, password), 'content-type': 'application/json' },
  })

describe('when the last failed login falls between the look and the answer, the right password is refused', () => {
  type User = Awaited<ReturnType<typeof registerAndDeliver>>
  const change = { method: 'PUT', body: JSON.stringify({ password: 'another horse battery' }) }
  const asked: Record<string, (app: App, user: User) => Response | Promise<Response>> = {
    'to see the registration': (app, user) => read(app, user),
    'to activate it': (app, user) => activate(app, user, user.code),
    'to activate it by no code': (app, user) => activate(app, user, '12a4'),
    'to get another code': (app, user) => resend(app, user),
    'to sign in': (app, user) => signIn(app, user.email),
    'to change the password': (app, user) => signIn(app, user.email, undefined, change, '/password'),
    'to delete the account': (app, user) => signIn(app, user.email, undefined, { method: 'DELETE' }),
  }
  test.each(Object.entries(asked))('%s', async (_what, ask) => {
    const environment = { LIMIT_FAILED_LOGINS_PER_USER: '1/1h', RESEND_COOLDOWN_SECONDS: '0' }
    const app = await createTestApi(database, environment)
    const user = await registerAndDeliver(app, database, 'between@example.com')
    await registerAndActivate(app, database, 'between@example.com')
    useUpBehindTheLook(app, user)
    await expectProblem(await ask(app, user), 'too-many-requests')
    await database.pool.query('delete from rate_limits')
    expect([200, 202, 204, 400, 409, 422]).toContain((await ask(app, user)).status)
  })

  test('remembered or not', async () => {
    const app = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '1/1h' })
    const user = await registerAndActivate(app, database, 'remembered@example.com')
    for (const ask of [() => read(app, user), () => signIn(app, user.email)]) {
      await database.pool.query('delete from rate_limits')
      expect((await ask()).status).toBe(200)
      useUpBehindTheLook(app, user)
      await expectProblem(await ask(), 'too-many-requests')
    }
  })
})

describe('failed logins', () => {
  test('of a registration are limited, known or not, and then not even the right password helps', async () => {
    const app = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '3/1h' })
    const user = await register(app, 'ada@example.com')
    for (const id of [user.id, randomUUID(), 'no-uuid']) {
      const wrong = { id, email: 'ada@example.com' }
      expect(await statusesInOrder(4, () => read(app, wrong, 'wrong password'))).toEqual([401, 401, 401, 429])
      await expectProblem(await read(app, wrong), 'too-many-requests')
    }
    const other = await register(app, 'ada@example.com')
    expect((await read(app, other)).status).toBe(200)
  })

  test('are counted for one registration in whatever case its id is written', async () => {
    const app = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '1/1h' })
    const { id, email } = await register(app, 'ada@example.com')
    await read(app, { id, email }, 'wrong password')
    expect((await read(app, { id: id.toUpperCase(), email }, 'wrong password')).status).toBe(429)
  })

  test('good logins cost nothing', async () => {
    const app = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '1/1h' })
    const user = await register(app, 'ada@example.com')
    expect(await statusesInOrder(5, () => read(app, user))).toEqual(Array(5).fill(200))
  })

  test('at once cannot exceed the budget', async () => {
    const app = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '5/1h' })
    const user = await register(app, 'ada@example.com')
    const answers = await Promise.all(Array.from({ length: 50 }, () => read(app, user, 'wrong password')))
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(5)
  })

  test('of a network are limited over all registrations', async () => {
    const app = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_NET: '3/1h' })
    const login = (address: string) =>
      app.request(`/v1/users/${randomUUID()}`, { headers: { authorization: basic('ada@example.com') } }, from(address))
    expect(await statusesInOrder(4, () => login('192.0.2.1'))).toEqual([401, 401, 401, 429])
    expect((await login('192.0.2.2')).status).toBe(401)
  })
})

test('wrong codes of a network are limited over all registrations; an unread one and a right one cost nothing', async () => {
  const app = await createTestApi(database, { LIMIT_WRONG_CODES_PER_NET: '2/1h' })
  const [first, second] = [
    await registerAndDeliver(app, database, 'one@example.com'),
    await registerAndDeliver(app, database, 'two@example.com'),
  ]
  expect((await activate(app, first, '12a4')).status).toBe(422)
  expect((await activate(app, first, otherThan(first.code))).status).toBe(400)
  expect((await activate(app, second, otherThan(second.code))).status).toBe(400)
  await expectProblem(await activate(app, second, second.code), 'too-many-requests')
})

test('wrong codes of a network at once cannot exceed the budget', async () => {
  const app = await createTestApi(database, { LIMIT_WRONG_CODES_PER_NET: '5/1h' })
  const users = await Promise.all(
    Array.from({ length: 10 }, (_, index) => registerAndDeliver(app, database, `net${index}@example.com`)),
  )
  const answers = await Promise.all(
    users.flatMap((user) => [1, 2, 3].map((step) => activate(app, user, otherThan(user.code, step)))),
  )
  expect(answers.filter(({ status }) => status === 400).length).toBeLessThanOrEqual(5)
})

test('a repeated activation is harmless, however many wrong codes its network has sent', async () => {
  const app = await createTestApi(database, { LIMIT_WRONG_CODES_PER_NET: '1/1h' })
  const active = await registerAndActivate(app, database, 'active@example.com')
  const other = await registerAndDeliver(app, database, 'other@example.com')
  await activate(app, other, otherThan(other.code))
  expect((await activate(app, active, active.code)).status).toBe(200)
})

test('of two used-up budgets Retry-After names the longer wait', async () => {
  const app = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '2/1h,2/24h' })
  const user = await register(app, 'ada@example.com')
  expect(await statusesInOrder(2, () => read(app, user, 'wrong password'))).toEqual([401, 401])
  const answer = await read(app, user)
  await expectProblem(answer, 'too-many-requests')
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(86_000)
})
