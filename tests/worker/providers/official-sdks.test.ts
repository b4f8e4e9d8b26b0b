import { BrevoClient } from '@getbrevo/brevo'
import sendgridMail from '@sendgrid/mail'
import Mailgun from 'mailgun.js'
import { ServerClient } from 'postmark'
import { Resend } from 'resend'
import { expect, test } from 'vitest'
import { factsOf } from '../../../dev/mail-sandbox/provider/fixtures.ts'
import { jsonOf, shareListener } from './listener.ts'
import { FROM, KEY, MAIL } from './mailer-cases.ts'

const API_KEY = factsOf('resend').apiKey

const { compare, url } = shareListener()

test('resend: the same path, key, members and authentication', async () => {
  const [theirs, ours] = await compare('resend', () =>
    new Resend(API_KEY, { baseUrl: url() }).emails.send({ from: FROM, ...MAIL }, { idempotencyKey: KEY }),
  )
  expect(jsonOf(ours)).toEqual(jsonOf(theirs))
  for (const field of ['authorization', 'idempotency-key', 'content-type'])
    expect(ours.headers[field]).toBe(theirs.headers[field])
})

test('postmark: the same path, members and authentication', async () => {
  const client = new ServerClient(API_KEY, { useHttps: false, requestHost: new URL(url()).host })
  const [theirs, ours] = await compare('postmark', () =>
    client.sendEmail({
      From: FROM,
      To: MAIL.to,
      Subject: MAIL.subject,
      TextBody: MAIL.text,
      HtmlBody: MAIL.html,
      MessageStream: 'outbound',
      TrackOpens: false,
      Metadata: { key: KEY },
    }),
  )
  // Named difference: TrackLinks is given too, as a server's own setting could switch it on.
  const { TrackLinks, ...same } = jsonOf(ours)
  expect(TrackLinks).toBe('None')
  expect(same).toEqual(jsonOf(theirs))
  expect(ours.headers['x-postmark-server-token']).toBe(theirs.headers['x-postmark-server-token'])
})

test('sendgrid: the same path, members and authentication', async () => {
  const client = sendgridMail
  client.setApiKey(`SG.${API_KEY}`)
  // The package has no option for its base URL but on the client within.
  const inner: unknown = Reflect.get(client, 'client')
  if (
    typeof inner === 'object' &&
    inner !== null &&
    'setDefaultRequest' in inner &&
    typeof inner.setDefaultRequest === 'function'
  )
    inner.setDefaultRequest('baseUrl', url())
  const [theirs, ours] = await compare('sendgrid', () =>
    client.send({
      ...MAIL,
      from: { email: 'codes@latchkey.example', name: 'Latchkey' },
      customArgs: { key: KEY },
      trackingSettings: { clickTracking: { enable: false, enableText: false }, openTracking: { enable: false } },
    }),
  )
  expect(jsonOf(ours)).toEqual(jsonOf(theirs))
  expect(ours.headers.authorization).toBe(theirs.headers.authorization?.replace('SG.', ''))
})

test('mailgun: the same path, fields and authentication', async () => {
  const client = new Mailgun(FormData).client({ username: 'api', key: API_KEY, url: url() })
  const [theirs, ours] = await compare('mailgun', () =>
    client.messages.create('latchkey.example', {
      from: FROM,
      ...MAIL,
      'o:tracking': 'no',
      'o:tracking-clicks': 'no',
      'o:tracking-opens': 'no',
      'v:key': KEY,
    }),
  )
  // Named difference: the package sends multipart/form-data, as it may hold files; ours is the shorter form that is documented as well.
  const fields = [...theirs.body.matchAll(/name="([^"]+)"\r\n\r\n([\s\S]*?)\r\n--/g)].map(([, name, value]) => [
    name,
    // A multipart form writes its line ends so.
    value?.replaceAll('\r\n', '\n'),
  ])
  expect(Object.fromEntries(new URLSearchParams(ours.body))).toEqual(Object.fromEntries(fields))
  expect(ours.headers.authorization).toBe(theirs.headers.authorization)
})

test('brevo: the same path, members and authentication', async () => {
  const client = new BrevoClient({ apiKey: API_KEY, baseUrl: `${url()}/v3`, maxRetries: 0 })
  const [theirs, ours] = await compare('brevo', () =>
    client.transactionalEmails.sendTransacEmail({
      sender: { email: 'codes@latchkey.example', name: 'Latchkey' },
      to: [{ email: MAIL.to }],
      subject: MAIL.subject,
      textContent: MAIL.text,
      htmlContent: MAIL.html,
      headers: { idempotencyKey: KEY },
      tags: [KEY],
    }),
  )
  expect(jsonOf(ours)).toEqual(jsonOf(theirs))
  expect(ours.headers['api-key']).toBe(theirs.headers['api-key'])
})
