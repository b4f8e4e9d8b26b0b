import { providerFacts } from '../../../dev/mail-sandbox/providers/provider-facts.ts'
import { type ProviderName, providerNames } from '../../../src/core/mail/provider-names.ts'
import { createMailer } from '../../../src/worker/providers/create-mailer.ts'

export const API_KEY = 'key_of_the_tests'
export const FROM = 'Latchkey <codes@latchkey.example>'
export const KEY = '0b5d3f0e-6a43-4c6f-9d0b-0c6f3a0a1b2c'

export const MAIL = {
  to: 'ada@example.com',
  subject: 'Your activation code (K7QX)',
  text: 'Your activation code is\n\n0427\n',
  html: '<p>0427</p>',
}

const JSON_TYPE = 'application/json'

/** What each provider's own documents ask for: where, with which headers, and which body. */
export const wireFormats = {
  resend: {
    path: '/emails',
    headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': KEY, 'content-type': JSON_TYPE },
    body: { from: FROM, ...MAIL },
  },
  postmark: {
    path: '/email',
    headers: { 'x-postmark-server-token': API_KEY, 'content-type': JSON_TYPE },
    body: {
      From: FROM,
      To: MAIL.to,
      Subject: MAIL.subject,
      TextBody: MAIL.text,
      HtmlBody: MAIL.html,
      MessageStream: 'outbound',
      TrackOpens: false,
      TrackLinks: 'None',
      Metadata: { key: KEY },
    },
  },
  sendgrid: {
    path: '/v3/mail/send',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': JSON_TYPE },
    body: {
      personalizations: [{ to: [{ email: MAIL.to }] }],
      from: { email: 'codes@latchkey.example', name: 'Latchkey' },
      subject: MAIL.subject,
      content: [
        { type: 'text/plain', value: MAIL.text },
        { type: 'text/html', value: MAIL.html },
      ],
      custom_args: { key: KEY },
      tracking_settings: { click_tracking: { enable: false, enable_text: false }, open_tracking: { enable: false } },
    },
  },
  mailgun: {
    path: '/v3/latchkey.example/messages',
    headers: {
      authorization: `Basic ${Buffer.from(`api:${API_KEY}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: {
      from: FROM,
      ...MAIL,
      'o:tracking': 'no',
      'o:tracking-clicks': 'no',
      'o:tracking-opens': 'no',
      'v:key': KEY,
    },
  },
  ses: {
    path: '/v2/email/outbound-emails',
    headers: { 'content-type': JSON_TYPE },
    body: {
      FromEmailAddress: FROM,
      Destination: { ToAddresses: [MAIL.to] },
      Content: {
        Simple: {
          Subject: { Data: MAIL.subject, Charset: 'UTF-8' },
          Body: { Text: { Data: MAIL.text, Charset: 'UTF-8' }, Html: { Data: MAIL.html, Charset: 'UTF-8' } },
        },
      },
      EmailTags: [{ Name: 'key', Value: KEY }],
    },
  },
  brevo: {
    path: '/v3/smtp/email',
    headers: { 'api-key': API_KEY, 'content-type': JSON_TYPE },
    body: {
      sender: { email: 'codes@latchkey.example', name: 'Latchkey' },
      to: [{ email: MAIL.to }],
      subject: MAIL.subject,
      textContent: MAIL.text,
      htmlContent: MAIL.html,
      headers: { idempotencyKey: KEY },
      tags: [KEY],
    },
  },
  mailpit: {
    path: '/api/v1/send',
    headers: { 'content-type': JSON_TYPE },
    body: {
      From: { Email: 'codes@latchkey.example', Name: 'Latchkey' },
      To: [{ Email: MAIL.to }],
      Subject: MAIL.subject,
      Text: MAIL.text,
      HTML: MAIL.html,
      Headers: { 'X-Latchkey-Key': KEY },
    },
  },
} satisfies Record<ProviderName, { path: string; headers: Record<string, string>; body: unknown }>

export const mailers = providerNames.map((name) => ({ name, ...wireFormats[name], facts: providerFacts[name] }))

/** What the provider answers when it takes the mail, and the id that we then know. */
export const acceptanceOf = (name: ProviderName) => {
  const { status, headers = {}, body } = providerFacts[name].accept('id-1')
  return { status, headers, text: typeof body === 'string' ? body : JSON.stringify(body) }
}

export const keyOf = (name: ProviderName) => (name === 'ses' ? `AKIDEXAMPLE:${API_KEY}` : API_KEY)

/** A mailer of this name, and the one mail that all tests send with it. */
export const createTestMailer = (name: ProviderName, url: string, { timeoutMs = 500, from = FROM } = {}) => {
  const mailer = createMailer(name, {
    url,
    apiKey: keyOf(name),
    from,
    region: 'eu-central-1',
    timeoutMs,
    connections: 2,
  })
  return {
    send: (signal: AbortSignal = AbortSignal.timeout(timeoutMs)) => mailer.send(MAIL, { idempotencyKey: KEY, signal }),
    close: () => mailer.close(),
  }
}
