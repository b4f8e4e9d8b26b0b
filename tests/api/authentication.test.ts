import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, expectProblem, type Registered, register, registerAndActivate } from './api-client.ts'

let database: TestDatabase
let app: App
let user: Registered

beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database)
  user = await register(app, 'ada@example.com')
})
afterAll(() => database.drop())

const base64 = (value: string | Buffer) => Buffer.from(value).toString('base64')
const raw = (...parts: (string | number[])[]) => base64(Buffer.concat(parts.map((part) => Buffer.from(part))))
const right = () => basic('ada@example.com')

const refusals: { why: string; id?: string; authorization?: string }[] = [
  { why: 'an unknown id', id: randomUUID(), authorization: right() },
  { why: 'a malformed id', id: 'me', authorization: right() },
  { why: 'an id with a quote', id: "'; drop table users; --", authorization: right() },
  { why: 'an id with a NUL', id: '%00', authorization: right() },
  { why: 'an id with broken escapes', id: '%E0%A4%A', authorization: right() },
  { why: 'the nil uuid', id: '00000000-0000-0000-0000-000000000000', authorization: right() },
  { why: 'another address', authorization: basic('grace@example.com') },
  { why: 'an address that is none', authorization: basic('ada') },
  { why: 'no address', authorization: basic('') },
  { why: 'a wrong password', authorization: basic('ada@example.com', 'wrong password') },
  { why: 'an empty password', authorization: basic('ada@example.com', '') },
  { why: 'a password in another case', authorization: basic('ada@example.com', PASSWORD.toUpperCase()) },
  { why: 'a password and a blank', authorization: basic('ada@example.com', `${PASSWORD} `) },
  { why: 'no header' },
  { why: 'an empty header', authorization: '' },
  { why: 'another scheme', authorization: `Bearer ${base64(`ada@example.com:${PASSWORD}`)}` },
  { why: 'no credentials', authorization: 'Basic' },
  { why: 'broken Base64', authorization: 'Basic !!!!' },
  { why: 'Base64 with something after it', authorization: `${right()} x` },
  { why: 'Base64 with a line of rubbish in it', authorization: right().replace('Basic ', 'Basic *') },
  { why: 'no colon', authorization: `Basic ${base64('ada@example.com')}` },
  { why: 'invalid UTF-8', authorization: `Basic ${raw('ada@example.com:', [0xff, 0xfe])}` },
  { why: 'Latin-1', authorization: `Basic ${raw('ada@example.com:caf', [0xe9])}` },
  { why: 'a control character', authorization: basic('ada@example.com', `${PASSWORD}\u0000`) },
  { why: 'a line feed in the address', authorization: basic('ada@example.com\n') },
  { why: 'a byte order mark', authorization: `Basic ${raw([0xef, 0xbb, 0xbf], `ada@example.com:${PASSWORD}`)}` },
  { why: 'two headers', authorization: `${right()}, ${right()}` },
]

const routes = [
  { method: 'GET', path: '' },
  { method: 'POST', path: '/codes' },
  { method: 'POST', path: '/activation' },
] as const

describe.each(routes)('$method /v1/users/{id}$path', ({ method, path }) => {
  const call = (id: string, authorization?: string) =>
    app.request(`/v1/users/${id}${path}`, {
      ...(path === '/activation' ? post({ code: '0000' }) : {}),
      method,
      headers: {
        'content-type': 'application/json',
        'x-request-id': 'same',
        ...(authorization !== undefined && { authorization }),
      },
    })
  const fingerprint = async (answer: Response) => ({ headers: [...answer.headers], body: await answer.text() })

  test.each(refusals)('$why gets the one 401, byte by byte', async ({ id, authorization }) => {
    const answer = await call(id ?? user.id, authorization)
    const model = await call(user.id, basic('ada@example.com', 'not the password'))
    await expectProblem(answer.clone(), 'unauthenticated')
    expect(await fingerprint(answer)).toEqual(await fingerprint(model))
  })
})

const read = (authorization: string, id = user.id) => app.request(`/v1/users/${id}`, { headers: { authorization } })

test.each(['basic', 'BASIC', 'BaSiC'])('the scheme %s is Basic', async (scheme) => {
  expect((await read(right().replace('Basic', scheme))).status).toBe(200)
})

test('the address may be typed in capitals, the id too', async () => {
  expect((await read(basic('ADA@Example.COM'))).status).toBe(200)
  expect((await read(right(), user.id.toUpperCase())).status).toBe(200)
})

test.each([
  { password: 'with: a colon: or two', later: 'with: a colon: or two' },
  { password: 'жираф-пароль-✓', later: 'жираф-пароль-✓' },
  { password: 'crème brûlée', later: 'crème brûlée'.normalize('NFD') },
  { password: 'crème brûlée'.normalize('NFD'), later: 'crème brûlée' },
])('the password $password comes through Basic', async ({ password, later }) => {
  const other = await register(app, 'grace@example.com', password)
  expect((await read(basic('grace@example.com', later), other.id)).status).toBe(200)
})

test('each registration of an address has its own password', async () => {
  const [first, second] = [
    await register(app, 'twice@example.com', 'the first password'),
    await register(app, 'twice@example.com', 'the second password'),
  ]
  expect((await read(basic('twice@example.com', 'the first password'), first.id)).status).toBe(200)
  expect((await read(basic('twice@example.com', 'the second password'), second.id)).status).toBe(200)
  await expectProblem(await read(basic('twice@example.com', 'the first password'), second.id), 'unauthenticated')
})

test('new, pending and active addresses register alike', async () => {
  await register(app, 'pending@example.com')
  await registerAndActivate(app, database, 'active@example.com')
  const shapes = await Promise.all(
    ['new@example.com', 'pending@example.com', 'active@example.com'].map(async (email) => {
      const answer = await app.request('/v1/users', post({ email, password: PASSWORD }))
      const { id, code, ...rest } = await readUser(answer)
      return {
        status: answer.status,
        headers: [...answer.headers.keys()].toSorted(),
        members: [Object.keys(rest), Object.keys(code ?? {})],
        code: { ...code, resendAfter: '' },
        standing: rest.status,
        isLocated: answer.headers.get('location') === `/v1/users/${id}`,
      }
    }),
  )
  expect(shapes[1]).toEqual(shapes[0])
  expect(shapes[2]).toEqual(shapes[0])
})
