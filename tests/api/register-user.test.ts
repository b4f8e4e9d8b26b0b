import { afterAll, beforeAll, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let app: Awaited<ReturnType<typeof createTestApi>>

beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database)
})
afterAll(() => database.drop())

test('a registration answers 202 with the user and where it is', async () => {
  const answer = await app.request('/v1/users', post({ email: 'Ada@Example.com', password: PASSWORD }))
  const user = await readUser(answer)
  expect(answer.status).toBe(202)
  expect(answer.headers.get('location')).toBe(`/v1/users/${user.id}`)
  expect(user).toMatchObject({
    email: 'ada@example.com',
    status: 'pending',
    activatedAt: null,
    code: { status: 'queued', sentAt: null, deliveredAt: null, expiresAt: null, attemptsLeft: 3 },
  })
})

test('user, code and mail are stored together', async () => {
  const answer = await app.request(
    '/v1/users',
    post({ email: 'together@example.com', password: PASSWORD }, { 'x-request-id': 'req-1' }),
  )
  const { id } = await readUser(answer)
  const rows = await database.pool.query(
    'select request_id from mails join codes on codes.id = mails.code_id where codes.user_id = $1 and mails.user_id = $1',
    [id],
  )
  expect(rows.rows).toEqual([{ request_id: 'req-1' }])
})
