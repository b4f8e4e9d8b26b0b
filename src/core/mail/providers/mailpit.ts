import * as v from 'valibot'
import { type Provider, visible } from './provider.ts'
import { parseSender } from './sender.ts'

/**
 * Mailpit's send API (https://mailpit.axllent.org/docs/api-v1/view.html#post-/api/v1/send): a mail server for development. Where it
 * asks for credentials, `MAIL_API_KEY` is `user:password`. It has no errors about an account.
 */
export const mailpit: Provider = {
  publicUrl: () => 'http://localhost:8025',
  connect: (settings) => {
    const { name, email } = parseSender(settings.from)
    const authorization = settings.apiKey?.includes(':')
      ? { authorization: `Basic ${Buffer.from(settings.apiKey).toString('base64')}` }
      : {}
    return ({ to, subject, text, html }, idempotencyKey) => ({
      path: '/api/v1/send',
      headers: { ...authorization, 'content-type': 'application/json' },
      body: JSON.stringify({
        From: { Email: email, ...(name !== null && { Name: name }) },
        To: [{ Email: to }],
        Subject: subject,
        Text: text,
        HTML: html,
        Headers: { 'X-Latchkey-Key': idempotencyKey },
      }),
    })
  },
  readId: ({ json }) => (v.is(accepted, json) ? json.ID : undefined),
  readCode: ({ status, json }) => {
    if (status !== 400 || !v.is(fault, json)) return undefined
    return /\b(?:to|recipient)\b/i.test(json.Error) && !/from/i.test(json.Error) ? 'recipient' : 'bad request'
  },
  meanings: {
    recipient: ['invalid-recipient', 'this-address'],
    'bad request': ['bad-request', 'us'],
  },
  settings: { apiKey: v.optional(v.pipe(v.string(), visible)) },
  reports: null,
}

const accepted = v.object({ ID: v.string() })
const fault = v.object({ Error: v.string() })
