import { randomUUID } from 'node:crypto'
import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SignedEvent } from '../../dev/mail-sandbox/provider/facts.ts'
import type { ApiEnv } from '../../src/api/context.ts'
import { deliverMail } from '../../src/core/mail/deliver-mail.ts'
import { providerNames, providers } from '../../src/core/mail/providers/providers.ts'
import { bounceKinds, type Report } from '../../src/core/mail/providers/report.ts'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { idOf, openEvents } from '../support/provider-events.ts'
import { type Sns, startSns } from '../support/sns.ts'
import { untilServed } from '../support/until-served.ts'
import { activate, codeOf as digitsNow, endCooldown, expectProblem, resend } from './api-client.ts'

const OLD = () => new Date(Date.now() - 5 * 60_000 - 5000)

let database: TestDatabase
let sns: Sns
beforeAll(async () => {
  ;[database, sns] = await Promise.all([createTestDatabase(), startSns()])
})
afterAll(() => Promise.all([database.drop(), sns.close()]))

const names = providerNames.filter((name) => providers[name].reports)

describe.each(names)('reports of %s', (name) => {
  const source = openEvents(name, () => sns)
  let app: Hono<ApiEnv>
  beforeAll(async () => {
    const environment = { MAIL_PROVIDER: name, MAIL_EVENTS_SECRET: source.secret, HTTPS_PROXY: sns.proxyUrl }
    app = await createTestApi(database, environment)
  })

  const register = async () => {
    const email = `${randomUUID()}@example.com`
    const user = await readUser(
      await untilServed(async () => app.request('/v1/users', post({ email, password: PASSWORD }))),
    )
    const mail = await database.pool.query<{ id: string }>('select id from mails where user_id = $1', [user.id])
    return { id: user.id, email, mailId: mail.rows[0]?.id ?? '' }
  }
  const settle = async (mailId: string, id: string) => {
    const mailer = { provider: name, send: async () => ({ providerId: idOf(name, id) }), close: async () => {} }
    await deliverMail(deliverTools(database, mailer), { mailId, signal: new AbortController().signal })
  }
  const codeOf = async (user: { id: string; email: string }) =>
    (await readUser(await app.request(`/v1/users/${user.id}`, { headers: { authorization: basic(user.email) } }))).code
  const send = ({ headers, body }: SignedEvent, to: string = name) =>
    app.request(`/v1/provider-events/${to}`, { method: 'POST', headers, body })
  const report = async (kind: Report['kind'], id: string, at?: Date) => {
    expect((await send(source.sign(source.about(kind, id, at)))).status).toBe(204)
  }
  const sent = async () => {
    const user = await register()
    const id = randomUUID()
    await settle(user.mailId, id)
    return { ...user, takenAs: id }
  }

  test('delivered shows when the mailbox took the mail, however often it is told', async () => {
    const user = await sent()
    expect(await codeOf(user)).toMatchObject({ status: 'sent', deliveredAt: null })
    const signed = source.sign(source.about('delivered', user.takenAs))
    expect((await send(signed)).status).toBe(204)
    const first = await codeOf(user)
    expect(first).toMatchObject({ status: 'sent', deliveredAt: expect.any(String) })
    expect((await send(signed)).status).toBe(204)
    await report('delivered', user.takenAs, new Date(Date.now() + 60_000))
    expect(await codeOf(user)).toEqual(first)
  })

  test.each(bounceKinds)('%s makes the mail undeliverable and closes its code', async (kind) => {
    const user = await sent()
    await report(kind, user.takenAs)
    expect(await codeOf(user)).toMatchObject({
      status: 'undeliverable',
      sentAt: null,
      deliveredAt: null,
      expiresAt: null,
    })
    const stored = await database.pool.query('select bounce from mails where id = $1', [user.mailId])
    expect(stored.rows[0]).toEqual({ bounce: kind })
    await report('delivered', user.takenAs)
    expect(await codeOf(user)).toMatchObject({ status: 'undeliverable' })
  })

  test('the code of a mail that was complained of is an older one after a resend, and spends no attempt', async () => {
    const user = await sent()
    const digits = await digitsNow(database, user)
    await report('complaint', user.takenAs)
    await endCooldown(database, user)
    expect((await resend(app, user)).status).toBe(202)
    const next = await database.pool.query<{ id: string }>(
      'select id from mails where user_id = $1 and settled_at is null',
      [user.id],
    )
    await settle(next.rows[0]?.id ?? '', randomUUID())
    await expectProblem(await activate(app, user, digits), 'code-expired')
    expect(await codeOf(user)).toMatchObject({ status: 'sent', attemptsLeft: 3 })
  })

  test.each(['delivered', 'hard-bounce'] as const)(
    '%s that comes before our own settling is not lost',
    async (kind) => {
      const user = await register()
      const id = randomUUID()
      await report(kind, id)
      expect(await codeOf(user)).toMatchObject({ status: 'queued', deliveredAt: null })
      await settle(user.mailId, id)
      await expect
        .poll(() => codeOf(user))
        .toMatchObject(
          kind === 'delivered' ? { status: 'sent', deliveredAt: expect.any(String) } : { status: 'undeliverable' },
        )
    },
  )

  test('reports and our own settling at the same moment meet, whoever is first', async () => {
    const users = await Promise.all(Array.from({ length: 8 }, register))
    await Promise.all(
      users.map(async (user) => {
        const id = randomUUID()
        await Promise.all([settle(user.mailId, id), report('delivered', id), report('delivered', id)])
      }),
    )
    for (const user of users) await expect.poll(() => codeOf(user)).toMatchObject({ deliveredAt: expect.any(String) })
  })

  test.each([
    { what: 'about a mail of somebody else', event: source.about('hard-bounce', 'not-ours') },
    { what: 'of a kind that means nothing here', event: source.ignored },
    { what: 'of another shape', event: Array.isArray(source.ignored) ? [null, 17, {}] : {} },
  ])('an event $what is harmless', async ({ event }) => {
    expect((await send(source.sign(event))).status).toBe(204)
  })

  test.runIf(source.signsTime)(
    'an event that was signed more than five minutes ago is refused, and nothing is stored',
    async () => {
      const user = await sent()
      const answer = await send(source.sign(source.about('hard-bounce', user.takenAs), OLD()))
      expect(answer.status).toBe(401)
      expect(await codeOf(user)).toMatchObject({ status: 'sent' })
    },
  )

  test('what is not signed, or not as it is signed, is refused, and nothing is stored', async () => {
    const user = await sent()
    const { headers, body } = source.sign(source.about('hard-bounce', user.takenAs))
    const forged = Object.fromEntries(
      Object.entries(headers).map(([field, value]) => [
        field,
        /authorization|signature/.test(field) ? value.replace(/.{6}$/, 'AAAAA=') : value,
      ]),
    )
    const changed = body.replace(/"([Ss]ignature)":"......../, '"$1":"00000000')
    expect((await send({ headers: forged, body: changed })).status).toBe(401)
    expect((await send({ headers: { 'content-type': 'application/json' }, body: '{}' })).status).toBe(401)
    expect(await codeOf(user)).toMatchObject({ status: 'sent' })
  })

  test('a body of more than a megabyte is refused', async () => {
    const { headers } = source.sign({})
    const answer = await send({ headers: { ...headers, 'content-length': '1048577' }, body: '{}' })
    expect(answer.status).toBe(413)
  })

  test('nothing is there for a provider that is not set up, or is none', async () => {
    const body = source.sign(source.about('delivered', 'x'))
    for (const other of ['mailpit', 'constructor', name === 'resend' ? 'brevo' : 'resend'])
      expect((await send(body, other)).status).toBe(404)
    const off = await createTestApi(database, { MAIL_PROVIDER: name })
    expect((await off.request(`/v1/provider-events/${name}`, { method: 'POST', ...body })).status).toBe(404)
  })
})
