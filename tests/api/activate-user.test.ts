import { beforeAll, describe, expect, test } from 'vitest'
import { readProblem, readUser } from '../support/answers.ts'
import { basic, createTestApi, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import {
  type App,
  activate,
  codeOf,
  count,
  deliver,
  expectProblem,
  expire,
  otherThan,
  read,
  register,
  registerAndActivate,
  registerAndDeliver,
  resend,
  settle,
} from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database, { RESEND_COOLDOWN_SECONDS: '0', LIMIT_GUESSES_PER_MAILBOX: 'off' })
})

const attemptsLeft = async (user: { id: string; email: string }) =>
  (await readUser(await read(app, user))).code?.attemptsLeft

test('the right code activates, and repeating it is harmless', async () => {
  const user = await registerAndDeliver(app, database, 'right@example.com')
  const answer = await activate(app, user, user.code)
  expect(answer.status).toBe(200)
  const active = await readUser(answer)
  expect(active).toMatchObject({ id: user.id, status: 'active', code: null, activatedAt: expect.any(String) })
  const again = await activate(app, user, user.code)
  expect([again.status, await readUser(again)]).toEqual([200, active])
  expect(await readUser(await read(app, user))).toEqual(active)
})

test('wrong codes count down to none, and then the right one is exhausted too', async () => {
  const user = await registerAndDeliver(app, database, 'wrong@example.com')
  for (const left of [2, 1, 0]) {
    const problem = await expectProblem(await activate(app, user, otherThan(user.code)), 'code-incorrect')
    expect(problem.attemptsLeft).toBe(left)
  }
  await expectProblem(await activate(app, user, user.code), 'code-exhausted')
  expect(await readUser(await read(app, user))).toMatchObject({ status: 'pending', code: { status: 'exhausted' } })
})

test('the right code is still taken at the last attempt', async () => {
  const user = await registerAndDeliver(app, database, 'last@example.com')
  for (const step of [1, 2])
    await expectProblem(await activate(app, user, otherThan(user.code, step)), 'code-incorrect')
  expect((await activate(app, user, user.code)).status).toBe(200)
})

test.each([
  ...['12a4', '', '123', '12345', '1234567', '123456789', ' 1234', '1234 ', '1234\n', '+123', '-123', '1e10', '0x12'],
  ...['12.4', '１２３４', '١٢٣٤', '12\u00004', 1234, null, true, [], ['1234'], {}],
])('%j is no code: 422, and no attempt is spent', async (typed) => {
  const user = await registerAndDeliver(app, database, 'unreadable@example.com')
  const problem = await expectProblem(await activate(app, user, typed), 'invalid-input')
  expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(['#/code'])
  expect(await attemptsLeft(user)).toBe(3)
})

test.each([
  { body: '{', slug: 'malformed-request' },
  { body: '[]', slug: 'malformed-request' },
  { body: '{"code":"0000","code":"0001"}', slug: 'malformed-request' },
  { body: '{}', slug: 'invalid-input' },
  { body: '{"code":"0000","email":"a@example.com"}', slug: 'invalid-input' },
  { body: '{"code":"0000","__proto__":{}}', slug: 'invalid-input' },
  { body: `{"code":"${'0'.repeat(5000)}"}`, slug: 'payload-too-large' },
] as const)('$body is refused as $slug and spends no attempt', async ({ body, slug }) => {
  const user = await registerAndDeliver(app, database, 'body@example.com')
  const path = `/v1/users/${user.id}/activation`
  await expectProblem(await app.request(path, post(body, { authorization: basic(user.email) })), slug)
  expect(await attemptsLeft(user)).toBe(3)
})

test('a body that is not declared as JSON is refused with 415', async () => {
  const user = await registerAndDeliver(app, database, 'media@example.com')
  const headers = { authorization: basic(user.email), 'content-type': 'text/plain' }
  const answer = await app.request(`/v1/users/${user.id}/activation`, post({ code: user.code }, headers))
  await expectProblem(answer, 'unsupported-media-type')
})

test.each([
  { why: 'not delivered yet', outcome: null },
  { why: 'refused by the provider', outcome: 'refused' },
  { why: 'given up', outcome: 'given-up' },
])('a code that is $why was not sent, and spends no attempt', async ({ outcome }) => {
  const user = await register(app, 'unsent@example.com')
  if (outcome) await settle(database, user, outcome)
  for (let i = 0; i < 4; i++)
    await expectProblem(await activate(app, user, await codeOf(database, user)), 'code-not-sent')
  expect(await attemptsLeft(user)).toBe(3)
})

test('after its minute a code is expired, right or wrong, and spends no attempt', async () => {
  const user = await registerAndDeliver(app, database, 'late@example.com')
  await expire(database, user)
  for (const code of [user.code, otherThan(user.code)])
    await expectProblem(await activate(app, user, code), 'code-expired')
  expect(await attemptsLeft(user)).toBe(3)
  expect(await readUser(await read(app, user))).toMatchObject({ status: 'pending', code: { status: 'expired' } })
})

describe('after a resend', () => {
  const resent = async (email: string) => {
    const user = await registerAndDeliver(app, database, email)
    expect((await resend(app, user)).status).toBe(202)
    return user
  }

  test('the older code is expired while the new one is on its way', async () => {
    const user = await resent('older1@example.com')
    await expectProblem(await activate(app, user, user.code), 'code-expired')
  })

  test('the older code is expired beside the new one, and spends none of its attempts', async () => {
    const user = await resent('older2@example.com')
    await deliver(database, user)
    for (let i = 0; i < 4; i++) await expectProblem(await activate(app, user, user.code), 'code-expired')
    expect(await attemptsLeft(user)).toBe(3)
    expect((await activate(app, user, await codeOf(database, user))).status).toBe(200)
  })

  test('an exhausted code gives way to a new one with all attempts', async () => {
    const user = await registerAndDeliver(app, database, 'fresh@example.com')
    for (const step of [1, 2, 3]) await activate(app, user, otherThan(user.code, step))
    expect((await resend(app, user)).status).toBe(202)
    await deliver(database, user)
    expect(await attemptsLeft(user)).toBe(3)
    expect((await activate(app, user, await codeOf(database, user))).status).toBe(200)
  })
})

describe('an address that became active through another registration', () => {
  test('can never be activated again: the right code is answered as a wrong one', async () => {
    const second = await registerAndDeliver(app, database, 'taken@example.com')
    const first = await registerAndActivate(app, database, 'taken@example.com')
    for (const left of [2, 1, 0]) {
      const problem = await expectProblem(await activate(app, second, second.code), 'code-incorrect')
      expect(problem.attemptsLeft).toBe(left)
    }
    await expectProblem(await activate(app, second, second.code), 'code-exhausted')
    expect(await readUser(await read(app, second))).toMatchObject({ status: 'pending' })
    expect(await readUser(await read(app, first))).toMatchObject({ status: 'active' })
  })

  test('answers byte by byte as for a wrong code', async () => {
    const taken = await registerAndDeliver(app, database, 'alike@example.com')
    await registerAndActivate(app, database, 'alike@example.com')
    const free = await registerAndDeliver(app, database, 'alike-not@example.com')
    const [right, wrong] = [await activate(app, taken, taken.code), await activate(app, free, otherThan(free.code))]
    expect([...right.headers.keys()]).toEqual([...wrong.headers.keys()])
    expect({ ...(await readProblem(right)), requestId: '' }).toEqual({ ...(await readProblem(wrong)), requestId: '' })
  })
})

test('a code of another registration is wrong', async () => {
  const [mine, other] = [
    await registerAndDeliver(app, database, 'same@example.com'),
    await registerAndDeliver(app, database, 'same@example.com'),
  ]
  const isSame = mine.code === other.code
  expect((await activate(app, mine, other.code)).status).toBe(isSame ? 200 : 400)
})

test('a wrong guess is counted for the mailbox, a right one is not', async () => {
  const before = Number(await count(database, 'guesses'))
  const user = await registerAndDeliver(app, database, 'counted@example.com')
  await activate(app, user, otherThan(user.code))
  await activate(app, user, user.code)
  expect(await count(database, 'guesses')).toBe(before + 1)
})
