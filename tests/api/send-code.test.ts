import { beforeAll, describe, expect, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import {
  type App,
  deliver,
  endCooldown,
  expectProblem,
  register,
  registerAndActivate,
  registerAndDeliver,
  resend,
  settle,
} from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const mailsOf = async ({ id }: { id: string }) => {
  const mails = await database.pool.query('select id from mails where user_id = $1', [id])
  return mails.rows.length
}

describe('in the cool-down', () => {
  test.each(['queued', 'sent'])('a resend is refused while the code is %s', async (standing) => {
    const user = await register(app, 'early@example.com')
    if (standing === 'sent') await deliver(database, user)
    const answer = await resend(app, user)
    await expectProblem(answer, 'too-many-requests')
    const wait = Number(answer.headers.get('retry-after'))
    expect(wait).toBeGreaterThan(25)
    expect(wait).toBeLessThanOrEqual(30)
    expect(answer.headers.get('ratelimit-policy')).toBe('"resend";q=1;w=30')
    expect(answer.headers.get('ratelimit')).toBe(`"resend";r=0;t=${wait}`)
    expect(await mailsOf(user)).toBe(1)
  })

  test('it begins anew with each mail', async () => {
    const user = await registerAndDeliver(app, database, 'anew@example.com')
    await endCooldown(database, user)
    const again = await readUser(await resend(app, user))
    expect(Date.parse(again.code?.resendAfter ?? '')).toBeGreaterThan(Date.now())
    await expectProblem(await resend(app, user), 'too-many-requests')
  })

  test('it may be 0', async () => {
    const eager = await createTestApi(database, { RESEND_COOLDOWN_SECONDS: '0' })
    const user = await registerAndDeliver(eager, database, 'eager@example.com')
    expect((await resend(eager, user)).status).toBe(202)
  })
})

test('after the cool-down a new code is on its way, and the former one is superseded', async () => {
  const user = await registerAndDeliver(app, database, 'again@example.com')
  await endCooldown(database, user)
  const answer = await resend(app, user)
  expect(answer.status).toBe(202)
  expect(await readUser(answer)).toMatchObject({
    id: user.id,
    ref: user.ref,
    status: 'pending',
    code: { status: 'queued', sentAt: null, deliveredAt: null, expiresAt: null, attemptsLeft: 3 },
  })
  const codes = await database.pool.query(
    'select superseded_at is null as "isCurrent" from codes where user_id = $1 order by created_at',
    [user.id],
  )
  expect(codes.rows).toEqual([{ isCurrent: false }, { isCurrent: true }])
  expect(await mailsOf(user)).toBe(2)
})

test('while the former mail is queued nothing new is sent, and the answer is 202 all the same', async () => {
  const user = await register(app, 'queued@example.com')
  await endCooldown(database, user)
  const answer = await resend(app, user)
  expect(answer.status).toBe(202)
  expect(await readUser(answer)).toMatchObject({ id: user.id, code: { status: 'queued' } })
  expect(await mailsOf(user)).toBe(1)
})

test.each(['refused', 'given-up'])('a mail that was %s is followed by a new one', async (outcome) => {
  const user = await register(app, 'bounced@example.com')
  await settle(database, user, outcome)
  await endCooldown(database, user)
  expect(await readUser(await resend(app, user))).toMatchObject({ code: { status: 'queued' } })
  expect(await mailsOf(user)).toBe(2)
})

test('an active user gets no code', async () => {
  const user = await registerAndActivate(app, database, 'active@example.com')
  await endCooldown(database, user)
  await expectProblem(await resend(app, user), 'already-active')
})

test('a pending registration of an active address is answered as any other', async () => {
  const second = await registerAndDeliver(app, database, 'second@example.com')
  await registerAndActivate(app, database, 'second@example.com')
  await endCooldown(database, second)
  expect((await resend(app, second)).status).toBe(202)
})

test('ten resends at once send one mail', async () => {
  const user = await registerAndDeliver(app, database, 'ten@example.com')
  await endCooldown(database, user)
  const answers = await Promise.all(Array.from({ length: 10 }, () => resend(app, user)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([202, ...Array(9).fill(429)])
  expect(await mailsOf(user)).toBe(2)
})

test('ten resends at once spend one mail of the mailbox', async () => {
  const limited = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '5/1h' })
  const user = await registerAndDeliver(limited, database, 'spend@example.com')
  await endCooldown(database, user)
  await Promise.all(Array.from({ length: 10 }, () => resend(limited, user)))
  await deliver(database, user)
  await endCooldown(database, user)
  expect((await resend(limited, user)).status).toBe(202)
})

test('the mails of a mailbox are limited over registrations and resends, and a queued one costs nothing', async () => {
  const limited = await createTestApi(database, { LIMIT_MAILS_PER_MAILBOX: '5/1h' })
  const user = await register(limited, 'mailbox@example.com')
  await endCooldown(database, user)
  for (let i = 0; i < 5; i++) expect((await resend(limited, user)).status).toBe(202)
  await register(limited, 'mailbox+two@example.com')
  await deliver(database, user)
  expect((await resend(limited, user)).status).toBe(202)
  await deliver(database, user)
  await endCooldown(database, user)
  const answer = await resend(limited, user)
  await expectProblem(answer, 'too-many-requests')
  expect(answer.headers.get('ratelimit-policy')).toContain(';q=3;w=3600')
  expect(await mailsOf(user)).toBe(2)
})

test('a body is not looked at', async () => {
  const user = await registerAndDeliver(app, database, 'body@example.com')
  await endCooldown(database, user)
  const headers = { authorization: basic(user.email), 'content-type': 'application/json' }
  const answer = await app.request(`/v1/users/${user.id}/codes`, { method: 'POST', headers, body: '{}' })
  expect(answer.status).toBe(202)
})
