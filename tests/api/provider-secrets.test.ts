import { EventWebhook } from '@sendgrid/eventwebhook'
import { expect, test } from 'vitest'
import { factsOf } from '../../dev/mail-sandbox/provider/fixtures.ts'
import { createTestApi } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { openEvents } from '../support/provider-events.ts'

const database = shareTestDatabase()

test("SendGrid's own package finds the events of the sandbox well signed", () => {
  const source = openEvents('sendgrid')
  const { headers, body } = source.sign([])
  const webhook = new EventWebhook()
  const key = webhook.convertPublicKeyToECDSA(source.secret)
  const signature = headers['x-twilio-email-event-webhook-signature'] ?? ''
  expect(webhook.verifySignature(key, body, signature, headers['x-twilio-email-event-webhook-timestamp'] ?? '')).toBe(
    true,
  )
})

test('a token of Mailgun is believed for one body only', async () => {
  const source = openEvents('mailgun')
  const app = await createTestApi(database, { MAIL_PROVIDER: 'mailgun', MAIL_EVENTS_SECRET: source.secret })
  const { headers, body } = source.sign(source.about('delivered', 'x'))
  const send = (text: string) => app.request('/v1/provider-events/mailgun', { method: 'POST', headers, body: text })
  expect((await send(body)).status).toBe(204)
  expect((await send(body)).status).toBe(204)
  expect((await send(body.replace('"delivered"', '"failed"'))).status).toBe(401)
})

test('both providers report, each by its own secret', async () => {
  const source = openEvents('brevo')
  const app = await createTestApi(database, {
    MAIL_PROVIDER: 'resend',
    MAIL_FALLBACK_PROVIDER: 'brevo',
    MAIL_FALLBACK_EVENTS_SECRET: source.secret,
  })
  const { headers, body } = source.sign(source.about('delivered', 'x'))
  expect((await app.request('/v1/provider-events/brevo', { method: 'POST', headers, body })).status).toBe(204)
  expect((await app.request('/v1/provider-events/resend', { method: 'POST', headers, body })).status).toBe(404)
})

test('Postmark is believed by a password with a colon in it', async () => {
  const secret = 'events:a password: with a colon'
  const app = await createTestApi(database, { MAIL_PROVIDER: 'postmark', MAIL_EVENTS_SECRET: secret })
  const signed = factsOf('postmark').openEvents?.(secret).sign('{}', { id: 'x', at: new Date() })
  expect((await app.request('/v1/provider-events/postmark', { method: 'POST', ...signed })).status).toBe(204)
})
