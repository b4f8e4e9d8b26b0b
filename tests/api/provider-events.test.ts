import { randomUUID } from 'node:crypto'
import { EventWebhook } from '@sendgrid/eventwebhook'
import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiEnv } from '../../src/api/context.ts'
import { deliverMail } from '../../src/core/mail/deliver-mail.ts'
import type { ProviderName } from '../../src/core/mail/provider-names.ts'
import { bounceKinds, type Report } from '../../src/core/mail/provider-reports/report.ts'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { eventSenders, type SignedEvent, sendgridSigning, sesSender } from '../support/provider-events.ts'
import { type Sns, startSns } from '../support/sns.ts'
import { activate, codeOf as digitsNow, endCooldown, expectProblem, resend } from './api-client.ts'

const OLD = () => new Date(Date.now() - 5 * 60_000 - 5000)

let database: TestDatabase
let sns: Sns
beforeAll(async () => {
  ;[database, sns] = await Promise.all([createTestDatabase(), startSns()])
})
afterAll(() => Promise.all([database.drop(), sns.close()]))

const names = ['resend', 'postmark', 'sendgrid', 'mailgun', 'ses', 'brevo'] as const
const senders = { ...eventSenders, ses: sesSender(() => sns) }
const bracketed = (name: ProviderName, id: string) =>
  name === 'mailgun' || name === 'brevo' ? `<${id}@p.example>` : id

describe.each(names)('reports of %s', (name) => {
  const sender = senders[name]
  let app: Hono<ApiEnv>
  beforeAll(async () => {
    const environment = { MAIL_PROVIDER: name, MAIL_EVENTS_SECRET: sender.secret, HTTPS_PROXY: sns.proxyUrl }
    app = await createTestApi(database, environment)
  })

  const register = async () => {
    const email = `${randomUUID()}@example.com`
    const user = await readUser(await app.request('/v1/users', post({ email, password: PASSWORD })))
    const mail = await database.pool.query<{ id: string }>('select id from mails where user_id = $1', [user.id])
    return { id: user.id, email, mailId: mail.rows[0]?.id ?? '' }
  }
  const settle = async (mailId: string, providerId: string) => {
    const mailer = { provider: name, send: async () => ({ providerId }), close: async () => {} }
    await deliverMail(deliverTools(database, mailer), { mailId, signal: new AbortController().signal })
  }
  const codeOf = async (user: { id: string; email: string }) =>
    (await readUser(await app.request(`/v1/users/${user.id}`, { headers: { authorization: basic(user.email) } }))).code
  const send = ({ headers, body }: SignedEvent, to: string = name) =>
    app.request(`/v1/provider-events/${to}`, { method: 'POST', headers, body })
  const report = async (kind: Report['kind'], providerId: string, at?: Date) => {
    const answer = await send(sender.sign(JSON.stringify(sender.event(kind, providerId, at))))
    expect(answer.status).toBe(204)
  }
  const sent = async () => {
    const user = await register()
    const providerId = bracketed(name, randomUUID())
    await settle(user.mailId, providerId)
    return { ...user, providerId }
  }

  test('delivered shows when the mailbox took the mail, however often it is told', async () => {
    const user = await sent()
    expect(await codeOf(user)).toMatchObject({ status: 'sent', deliveredAt: null })
    const signed = sender.sign(JSON.stringify(sender.event('delivered', user.providerId)))
    expect((await send(signed)).status).toBe(204)
    const first = await codeOf(user)
    expect(first).toMatchObject({ status: 'sent', deliveredAt: expect.any(String) })
    expect((await send(signed)).status).toBe(204)
    await report('delivered', user.providerId, new Date(Date.now() + 60_000))
    expect(await codeOf(user)).toEqual(first)
  })

  test.each(bounceKinds)('%s makes the mail undeliverable and closes its code', async (kind) => {
    const user = await sent()
    await report(kind, user.providerId)
    expect(await codeOf(user)).toMatchObject({
      status: 'undeliverable',
      sentAt: null,
      deliveredAt: null,
      expiresAt: null,
    })
    const stored = await database.pool.query('select bounce from mails where id = $1', [user.mailId])
    expect(stored.rows[0]).toEqual({ bounce: kind })
    await report('delivered', user.providerId)
    expect(await codeOf(user)).toMatchObject({ status: 'undeliverable' })
  })

  test('the code of a mail that was complained of is an older one after a resend, and spends no attempt', async () => {
    const user = await sent()
    const digits = await digitsNow(database, user)
    await report('complaint', user.providerId)
    await endCooldown(database, user)
    expect((await resend(app, user)).status).toBe(202)
    const next = await database.pool.query<{ id: string }>(
      'select id from mails where user_id = $1 and settled_at is null',
      [user.id],
    )
    await settle(next.rows[0]?.id ?? '', bracketed(name, randomUUID()))
    await expectProblem(await activate(app, user, digits), 'code-expired')
    expect(await codeOf(user)).toMatchObject({ status: 'sent', attemptsLeft: 3 })
  })

  test.each(['delivered', 'hard-bounce'] as const)(
    '%s that comes before our own settling is not lost',
    async (kind) => {
      const user = await register()
      const providerId = bracketed(name, randomUUID())
      await report(kind, providerId)
      expect(await codeOf(user)).toMatchObject({ status: 'queued', deliveredAt: null })
      await settle(user.mailId, providerId)
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
        const providerId = bracketed(name, user.mailId)
        await Promise.all([
          settle(user.mailId, providerId),
          report('delivered', providerId),
          report('delivered', providerId),
        ])
      }),
    )
    for (const user of users) await expect.poll(() => codeOf(user)).toMatchObject({ deliveredAt: expect.any(String) })
  })

  test.each([
    { what: 'about a mail of somebody else', body: sender.event('hard-bounce', 'not-ours') },
    {
      what: 'of a kind that means nothing here',
      body:
        name === 'sendgrid'
          ? [{ event: 'open', sg_message_id: 'x' }]
          : { type: 'email.opened', event: 'opened', RecordType: 'Open' },
    },
    { what: 'of another shape', body: name === 'sendgrid' ? [null, 17, {}] : {} },
  ])('an event $what is harmless', async ({ body }) => {
    expect((await send(sender.sign(JSON.stringify(body)))).status).toBe(204)
  })

  test.runIf(name !== 'postmark' && name !== 'brevo')(
    'an event that was signed more than five minutes ago is refused, and nothing is stored',
    async () => {
      const user = await sent()
      const answer = await send(sender.sign(JSON.stringify(sender.event('hard-bounce', user.providerId)), OLD()))
      expect(answer.status).toBe(401)
      expect(await codeOf(user)).toMatchObject({ status: 'sent' })
    },
  )

  test('what is not signed, or not as it is signed, is refused, and nothing is stored', async () => {
    const user = await sent()
    const { headers, body } = sender.sign(JSON.stringify(sender.event('hard-bounce', user.providerId)))
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
    const { headers } = sender.sign('{}')
    const answer = await send({ headers: { ...headers, 'content-length': '1048577' }, body: '{}' })
    expect(answer.status).toBe(413)
  })

  test('nothing is there for a provider that is not set up, or is none', async () => {
    const body = sender.sign(JSON.stringify(sender.event('delivered', 'x')))
    for (const other of ['mailpit', 'constructor', name === 'resend' ? 'brevo' : 'resend'])
      expect((await send(body, other)).status).toBe(404)
    const off = await createTestApi(database, { MAIL_PROVIDER: name })
    expect((await off.request(`/v1/provider-events/${name}`, { method: 'POST', ...body })).status).toBe(404)
  })
})

test("SendGrid's own package finds our test events well signed", () => {
  const at = new Date()
  const { headers, body } = eventSenders.sendgrid.sign('[]', at)
  const webhook = new EventWebhook()
  const key = webhook.convertPublicKeyToECDSA(sendgridSigning.publicKey)
  const signature = headers['x-twilio-email-event-webhook-signature'] ?? ''
  expect(webhook.verifySignature(key, body, signature, headers['x-twilio-email-event-webhook-timestamp'] ?? '')).toBe(
    true,
  )
})

test('a token of Mailgun is believed for one body only', async () => {
  const app = await createTestApi(database, {
    MAIL_PROVIDER: 'mailgun',
    MAIL_EVENTS_SECRET: eventSenders.mailgun.secret,
  })
  const { headers, body } = eventSenders.mailgun.sign(JSON.stringify(eventSenders.mailgun.event('delivered', 'x')))
  const send = (text: string) => app.request('/v1/provider-events/mailgun', { method: 'POST', headers, body: text })
  expect((await send(body)).status).toBe(204)
  expect((await send(body)).status).toBe(204)
  expect((await send(body.replace('"delivered"', '"failed"'))).status).toBe(401)
})

test('both providers report, each by its own secret', async () => {
  const app = await createTestApi(database, {
    MAIL_PROVIDER: 'resend',
    MAIL_FALLBACK_PROVIDER: 'brevo',
    MAIL_FALLBACK_EVENTS_SECRET: eventSenders.brevo.secret,
  })
  const { headers, body } = eventSenders.brevo.sign(JSON.stringify(eventSenders.brevo.event('delivered', '<x>')))
  expect((await app.request('/v1/provider-events/brevo', { method: 'POST', headers, body })).status).toBe(204)
  expect((await app.request('/v1/provider-events/resend', { method: 'POST', headers, body })).status).toBe(404)
})
