import { Writable } from 'node:stream'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, activate, otherThan, read, registerAndDeliver, resend } from './api-client.ts'

let database: TestDatabase
let app: App
let lines: string[]

beforeAll(async () => {
  database = await createTestDatabase()
  lines = []
  const stream = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk))
      done()
    },
  })
  app = await createTestApi(database, {}, pino({ level: 'trace' }, stream))
})
afterAll(() => database.drop())

test('a request is one line with its route, status and id', async () => {
  await app.request('/v1/users/some-id', { headers: { 'x-request-id': 'logged-1' } })
  const found = lines.filter((line) => line.includes('logged-1')).map((line) => JSON.parse(line))
  expect(found).toMatchObject([{ requestId: 'logged-1', method: 'GET', route: '/v1/users/:id', status: 401 }])
})

test('a client that hangs up is 499 to the operator, and no refusal', async () => {
  const body = post({ email: 'gone@example.com', password: PASSWORD }, { 'x-request-id': 'gone-1' })
  await app.request(new Request('http://localhost/v1/users', { ...body, signal: AbortSignal.abort() }))
  const found = lines.filter((line) => line.includes('gone-1')).map((line) => JSON.parse(line))
  expect(found.find(({ msg }) => msg === 'request answered')).toMatchObject({ route: '/v1/users', status: 499 })
})

test('no password, address, code, credentials or path is ever logged', async () => {
  const user = await registerAndDeliver(app, database, 'ada.lovelace@example.com')
  await app.request('/v1/users', post({ email: 'ada.lovelace@example', password: PASSWORD, more: 'more-secret' }))
  await app.request(`/problems/ada.lovelace?code=${user.code}`)
  await activate(app, user, otherThan(user.code))
  await activate(app, user, user.code)
  await read(app, user)
  await resend(app, user)
  await database.pool.query('alter table codes rename column digits to digits_away')
  await read(app, user)
  await app.request('/v1/users', post({ email: 'ada.lovelace@example.com', password: PASSWORD }))
  await database.pool.query('alter table codes rename column digits_away to digits')
  const log = lines.join('')
  expect(log).toContain('"status":500')
  for (const secret of [PASSWORD, 'ada.lovelace', 'more-secret', basic(user.email).slice(6), user.id])
    expect(log).not.toContain(secret)
  expect(lines.map((line) => JSON.parse(line).code)).toEqual(lines.map(() => undefined))
})
