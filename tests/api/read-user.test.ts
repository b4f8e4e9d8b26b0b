import { beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type App, deliver, expire, read, register, registerAndActivate, settle } from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
const MINUTE_MS = 60_000
const see = async (user: { id: string; email: string }) => readUser(await read(app, user))

test('a new registration is pending and its code is queued', async () => {
  const user = await register(app, 'ada@example.com')
  const answer = await read(app, user)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
  expect(await answer.json()).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    email: 'ada@example.com',
    status: 'pending',
    ref: expect.stringMatching(/^[A-Z0-9]{4}$/),
    locale: 'en',
    metadata: {},
    createdAt: expect.stringMatching(ISO),
    activatedAt: null,
    code: {
      status: 'queued',
      sentAt: null,
      deliveredAt: null,
      expiresAt: null,
      attemptsLeft: 3,
      resendAfter: expect.stringMatching(ISO),
    },
  })
  expect(Date.parse(user.code?.resendAfter ?? '') - Date.parse(user.createdAt)).toBe(30_000)
})

describe('the status of the code', () => {
  test('is sent when the provider took the mail, and the minute starts there', async () => {
    const user = await register(app, 'sent@example.com')
    await database.pool.query("update users set created_at = created_at - interval '1 hour' where id = $1", [user.id])
    await deliver(database, user)
    const { code } = await see(user)
    expect(code).toMatchObject({ status: 'sent', attemptsLeft: 3 })
    expect(Date.parse(code?.expiresAt ?? '') - Date.parse(code?.sentAt ?? '')).toBeCloseTo(MINUTE_MS, -2)
  })

  test('is queued while the provider has not answered, and shows no times', async () => {
    const user = await register(app, 'open@example.com')
    await database.pool.query(
      "update codes set opened_at = now(), expires_at = now() + interval '1 minute' where user_id = $1",
      [user.id],
    )
    expect((await see(user)).code).toMatchObject({ status: 'queued', sentAt: null, expiresAt: null })
  })

  test('is expired after the minute', async () => {
    const user = await register(app, 'expired@example.com')
    await deliver(database, user)
    await expire(database, user)
    const { code } = await see(user)
    expect(code).toMatchObject({ status: 'expired', attemptsLeft: 3 })
    expect(Date.parse(code?.expiresAt ?? '')).toBeLessThan(Date.now())
  })

  test.each(['in its minute', 'after its minute'])('is exhausted when no attempt is left, %s', async (when) => {
    const user = await register(app, 'exhausted@example.com')
    await deliver(database, user)
    if (when === 'after its minute') await expire(database, user)
    await database.pool.query('update codes set attempts = 3 where user_id = $1', [user.id])
    expect((await see(user)).code).toMatchObject({ status: 'exhausted', attemptsLeft: 0 })
  })

  test.each(['refused', 'given-up'])('is undeliverable when the mail was %s', async (outcome) => {
    const user = await register(app, 'undeliverable@example.com')
    await settle(database, user, outcome)
    expect((await see(user)).code).toMatchObject({ status: 'undeliverable', sentAt: null, expiresAt: null })
  })
})

test('an active user has no code', async () => {
  const user = await registerAndActivate(app, database, 'active@example.com')
  expect(await see(user)).toMatchObject({ status: 'active', code: null, activatedAt: expect.stringMatching(ISO) })
})

test('attempts, time to live and cool-down are as configured', async () => {
  const other = await createTestApi(database, { CODE_ATTEMPTS: '5', RESEND_COOLDOWN_SECONDS: '120' })
  const user = await register(other, 'configured@example.com')
  expect(user.code?.attemptsLeft).toBe(5)
  expect(Date.parse(user.code?.resendAfter ?? '') - Date.parse(user.createdAt)).toBe(120_000)
})

test('an id that is none is answered as one of nobody', async () => {
  const { id, email } = await register(app, 'nearly@example.com')
  for (const none of ['x', `0${id}`, `${id}0`, id.replaceAll('-', ''), `{${id}}`])
    expect([none, (await read(app, { id: none, email })).status]).toEqual([none, 401])
})

test('HEAD answers as GET does, without a body', async () => {
  const user = await register(app, 'head@example.com')
  const headers = { authorization: basic(user.email) }
  const answer = await app.request(`/v1/users/${user.id}`, { method: 'HEAD', headers })
  expect([answer.status, await answer.text()]).toEqual([200, ''])
})
