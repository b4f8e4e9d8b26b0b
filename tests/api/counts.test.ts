import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test, vi } from 'vitest'
import { createApp } from '../../src/api/app.ts'
import type { ApiTools } from '../../src/api/context.ts'
import { HashingOverloaded } from '../../src/core/credentials/hashing-queue.ts'
import { basic, createTestTools, PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { idOf, openEvents } from '../support/provider-events.ts'
import {
  type App,
  activate,
  codeOf,
  deliver,
  expectProblem,
  otherThan,
  register,
  registerAndDeliver,
} from './api-client.ts'

const database = shareTestDatabase()
const source = openEvents('resend')
let tools: ApiTools
let app: App
beforeAll(async () => {
  tools = await createTestTools(database, { MAIL_PROVIDER: 'resend', MAIL_EVENTS_SECRET: source.secret })
  app = createApp(tools)
})

test('a registration that is stored is counted, and no repetition or refusal', async () => {
  const counted = vi.spyOn(tools.metrics.registrations, 'inc')
  const send = (email: string) =>
    app.request('/v1/users', post({ email, password: PASSWORD }, { 'idempotency-key': 'once' }))
  expect((await send('counted@example.com')).status).toBe(202)
  expect((await send('counted@example.com')).status).toBe(202)
  expect((await send('another@example.com')).status).toBe(422)
  expect(counted.mock.calls).toEqual([[]])
})

test('only a registration that is stored tells what is left of its budget', async () => {
  const limited = createApp(await createTestTools(database, { LIMIT_REGISTRATIONS_PER_NET: '5/1h' }))
  const send = () =>
    limited.request('/v1/users', post({ email: 'told@example.com', password: PASSWORD }, { 'idempotency-key': 'told' }))
  const [first, again] = [await send(), await send()]
  expect([first.headers.get('ratelimit-policy'), again.headers.get('ratelimit-policy')]).toEqual([
    '"registrations-per-net-3600s";q=5;w=3600',
    null,
  ])
})

test('where no registration has room it is refused before anything of it is looked at', async () => {
  const asked: string[] = []
  const checkRoom = (priority: string) => {
    asked.push(priority)
    throw new HashingOverloaded('full')
  }
  const full = createApp({ ...tools, hasher: { ...tools.hasher, checkRoom } })
  await expectProblem(await full.request('/v1/users', { method: 'POST', body: 'no JSON' }), 'overloaded')
  expect(asked).toEqual(['registration'])
})

test('a sign-in is counted as right or wrong', async () => {
  const counted = vi.spyOn(tools.metrics.signIns, 'inc')
  const user = await registerAndDeliver(app, database, 'signs-in@example.com')
  await activate(app, user, user.code)
  for (const password of [PASSWORD, 'another password'])
    await app.request('/v1/account', { headers: { authorization: basic(user.email, password) } })
  await app.request('/v1/account')
  expect(counted.mock.calls).toEqual([[{ outcome: 'right' }], [{ outcome: 'wrong' }]])
})

test('what came of each code is counted, and the time to the first right one', async () => {
  const noted = vi.spyOn(tools.metrics, 'noteActivation')
  const typed = vi.spyOn(tools.metrics.typingSeconds, 'observe')
  const user = await register(app, 'types@example.com')
  await activate(app, user, '0000')
  await deliver(database, user)
  await database.pool.query("update codes set sent_at = sent_at - interval '20 seconds' where user_id = $1", [user.id])
  const code = await codeOf(database, user)
  for (const each of [otherThan(code), code, code]) await activate(app, user, each)
  expect(noted.mock.calls.flat()).toEqual([
    'code-not-sent',
    { refusal: 'code-incorrect', attemptsLeft: 2 },
    'activated',
    'already-active',
  ])
  expect(typed.mock.calls.length).toBe(1)
  expect(typed.mock.calls[0]?.[0]).toBeGreaterThanOrEqual(20)
})

test('what a provider reports is counted, and nothing is asked of tables for what is of no interest', async () => {
  const noted = vi.spyOn(tools.metrics, 'noteReports')
  const send = ({ headers, body }: ReturnType<typeof source.sign>) =>
    app.request('/v1/provider-events/resend', { method: 'POST', headers, body })
  const user = await register(app, 'reported@example.com')
  const id = randomUUID()
  await database.pool.query(
    "insert into provider_reports (provider, provider_id, mail_id) select 'resend', $2, id from mails where user_id = $1",
    [user.id, idOf('resend', id)],
  )
  await deliver(database, user)
  expect((await send(source.sign(source.ignored))).status).toBe(204)
  expect(noted).not.toHaveBeenCalled()
  expect((await send(source.sign(source.about('delivered', id)))).status).toBe(204)
  expect(noted.mock.calls).toMatchObject([['resend', [{ isDelivered: true, isBounced: false, bounce: null }]]])
})
