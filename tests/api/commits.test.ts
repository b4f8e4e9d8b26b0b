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

const textOf = (statement: unknown): string =>
  typeof statement === 'object' && statement !== null && 'text' in statement
    ? String(statement.text)
    : String(statement)

/** All statements since the call; none wakes the relays, as if the connection had broken. */
const watchStatements = () => {
  const { query } = pg.Client.prototype
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...call: unknown[]) {
    if (textOf(call[0]).includes('pg_notify')) return Promise.reject(new Error('Connection terminated'))
    return Reflect.apply(query, this, call)
  })
  onTestFinished(() => spy.mockRestore())
  return () => spy.mock.calls.map(([statement]) => textOf(statement))
}

// A statement after it could fail, and its 503 would say that nothing was stored. What wakes the relays may fail.
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
  const sent = statements()
  expect(sent.filter((text) => !text.includes('pg_notify')).at(-1)).toBe('commit')
  expect(sent.slice(sent.indexOf('commit') + 1).every((text) => text.includes('pg_notify'))).toBe(true)
})

type Delivered = Awaited<ReturnType<typeof registerAndDeliver>>
