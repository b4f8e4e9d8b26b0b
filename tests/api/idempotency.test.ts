import { afterEach, beforeAll, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { createTestApi, PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type App, count, expectProblem } from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})
afterEach(async () => void (await database.pool.query('delete from users')))

const BODY = { email: 'ada@example.com', password: PASSWORD }
const send = (key: string, body: object = BODY) => app.request('/v1/users', post(body, { 'idempotency-key': key }))

test('a repetition answers with the same user and sends nothing new', async () => {
  const first = await send('k')
  const again = await send('k')
  expect([first.status, again.status]).toEqual([202, 202])
  expect(again.headers.get('location')).toBe(first.headers.get('location'))
  expect(await again.json()).toEqual(await first.json())
  expect(await Promise.all([count(database, 'users'), count(database, 'mails')])).toEqual([1, 1])
})

test.each([
  { why: 'another address', body: { ...BODY, email: 'grace@example.com' } },
  { why: 'another password', body: { ...BODY, password: 'another good password' } },
  { why: 'the address in capitals', body: { ...BODY, email: 'ADA@example.com' } },
  { why: 'a locale', body: { ...BODY, locale: 'en' } },
  { why: 'metadata', body: { ...BODY, metadata: {} } },
])('the key with $why is refused with 422', async ({ body }) => {
  await send('k')
  await expectProblem(await send('k', body), 'idempotency-key-reused')
  expect(await count(database, 'users')).toBe(1)
})

test('the order of members, white space and the headers make no other request', async () => {
  const metadata = { b: [1, { d: 1, c: 2 }], a: 1.5 }
  const { id } = await readUser(await send('k', { ...BODY, locale: 'de', metadata }))
  const again = `{ "metadata": {"a":15e-1, "b":[1.0,{"c":2,"d":1}]}, "locale":"de",
    "password":"${PASSWORD}", "email":"ada@example.com" }`
  const headers = { 'idempotency-key': 'k', 'accept-language': 'fr', 'x-request-id': 'another' }
  expect(await readUser(await app.request('/v1/users', post(again, headers)))).toMatchObject({ id, locale: 'de' })
})

test.each([
  { why: 'the order in an array', metadata: { a: [2, 1] } },
  { why: 'a value', metadata: { a: [1, 3] } },
  { why: 'a member more', metadata: { a: [1, 2], b: null } },
])('$why in the metadata makes another request', async ({ metadata }) => {
  await send('k', { ...BODY, metadata: { a: [1, 2] } })
  await expectProblem(await send('k', { ...BODY, metadata }), 'idempotency-key-reused')
})

test('another form of the same password is another request', async () => {
  const password = 'très long mot de passe'
  await send('k', { ...BODY, password: password.normalize('NFC') })
  await expectProblem(await send('k', { ...BODY, password: password.normalize('NFD') }), 'idempotency-key-reused')
})

test('what is kept of a body is forgotten with its key', async () => {
  await send('k')
  await database.pool.query("update users set created_at = now() - interval '25 hours'")
  await send('k')
  const kept = await database.pool.query('select 1 from users where idempotency_digest is not null')
  expect(kept.rowCount).toBe(1)
})

test('20 repetitions at once make one user and one mail', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => send('k')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  const users = await Promise.all(answers.map(readUser))
  expect(new Set(users.map(({ id }) => id)).size).toBe(1)
  expect(await Promise.all([count(database, 'users'), count(database, 'mails')])).toEqual([1, 1])
})

test('of 20 different bodies under one key at once one is taken', async () => {
  const bodies = Array.from({ length: 20 }, (_, index) => ({ ...BODY, email: `ada${index}@example.com` }))
  const answers = await Promise.all(bodies.map((body) => send('k', body)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([202, ...Array(19).fill(422)])
  for (const answer of answers.filter(({ status }) => status === 422))
    await expectProblem(answer, 'idempotency-key-reused')
  expect(await count(database, 'users')).toBe(1)
})

test('another key, or none, is another registration', async () => {
  await Promise.all([send('k'), send('K'), app.request('/v1/users', post(BODY)), app.request('/v1/users', post(BODY))])
  expect(await count(database, 'users')).toBe(4)
})

test('a key is free again after 24 hours, not before', async () => {
  const { id } = await readUser(await send('k'))
  await database.pool.query("update users set created_at = now() - interval '23 hours 59 minutes'")
  expect((await readUser(await send('k'))).id).toBe(id)
  await database.pool.query("update users set created_at = now() - interval '24 hours 1 second'")
  const other = await send('k', { ...BODY, email: 'grace@example.com' })
  expect(other.status).toBe(202)
  expect((await readUser(other)).id).not.toBe(id)
})

test('a key is found again under an older secret', async () => {
  const rotated = await createTestApi(database, {
    SECRET_KEY: `a new secret key for all of the tests, ${'a secret key that only the tests use'}`,
  })
  const { id } = await readUser(await send('k'))
  const again = await rotated.request('/v1/users', post(BODY, { 'idempotency-key': 'k' }))
  expect((await readUser(again)).id).toBe(id)
})

test('a refused request does not use up its key', async () => {
  await expectProblem(await send('k', { ...BODY, email: 'nobody' }), 'invalid-input')
  expect((await send('k')).status).toBe(202)
})

test('a repetition spends no budget of mails, as it sends none', async () => {
  const limited = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '4/1h' })
  const repeat = () => limited.request('/v1/users', post(BODY, { 'idempotency-key': 'k' }))
  for (let i = 0; i < 4; i++) expect((await repeat()).status).toBe(202)
  expect((await limited.request('/v1/users', post(BODY))).status).toBe(202)
})

test.each(['k', '!', '~', 'x'.repeat(255), '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])('%s is a key', async (key) => {
  expect((await send(key)).status).toBe(202)
})

test.each([
  { why: 'an empty one', key: '' },
  { why: '256 characters', key: 'x'.repeat(256) },
  { why: 'a space inside', key: 'a b' },
  { why: 'two of them', key: 'a, b' },
  { why: 'a tab', key: 'a\tb' },
  { why: 'a letter that is not ASCII', key: 'clé' },
])('$why is no key and is refused with 422', async ({ key }) => {
  const problem = await expectProblem(await send(key), 'invalid-input')
  expect(problem.errors).toEqual([
    { pointer: '#', detail: 'the Idempotency-Key header must be 1 to 255 visible ASCII characters' },
  ])
  expect(await count(database, 'users')).toBe(0)
})

test('a known key is no way to try passwords', async () => {
  const limited = await createTestApi(database, { LIMIT_FAILED_LOGINS_PER_USER: '3/1h' })
  const sendTo = (password: string) =>
    limited.request('/v1/users', post({ ...BODY, password }, { 'idempotency-key': 'k' }))
  await sendTo(PASSWORD)
  const statuses: number[] = []
  for (let index = 0; index < 5; index += 1) statuses.push((await sendTo(`another good password ${index}`)).status)
  expect(statuses).toEqual([422, 422, 422, 429, 429])
  expect((await sendTo(PASSWORD)).status).toBe(429)
})
