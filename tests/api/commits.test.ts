import pg from 'pg'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { readUser } from '../support/answers.ts'
import { createTestApi, PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type App, activate, registerAndDeliver, resend } from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database, { RESEND_COOLDOWN_SECONDS: '0' })
})

/** The first words of all statements since the call. */
const watchStatements = () => {
  const query = vi.spyOn(pg.Client.prototype, 'query')
  onTestFinished(() => query.mockRestore())
  return () => query.mock.calls.map(([statement]) => String(statement).split(/\s/)[0])
}

// A statement after it could fail, and its 503 would say that nothing was stored.
test.each([
  {
    what: 'a registration',
    status: 202,
    ask: () => app.request('/v1/users', post({ email: 'new@example.com', password: PASSWORD })),
  },
  { what: 'an activation', status: 200, ask: async (user: Delivered) => activate(app, user, user.code) },
  { what: 'a resend', status: 202, ask: async (user: Delivered) => resend(app, user) },
])('the last statement of $what is its commit', async ({ what, status, ask }) => {
  const user = await registerAndDeliver(app, database, `${what.replace(' ', '-')}@example.com`)
  const statements = watchStatements()
  const answer = await ask(user)
  expect(answer.status).toBe(status)
  expect(await readUser(answer)).toMatchObject({ ref: expect.any(String) })
  expect(statements().at(-1)).toBe('commit')
})

type Delivered = Awaited<ReturnType<typeof registerAndDeliver>>
