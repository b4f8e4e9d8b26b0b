import { createSign, generateKeyPairSync } from 'node:crypto'
import * as v from 'valibot'
import { type DocumentedError, fromHeader, JSON_TYPE, type ProviderFacts, secondsOf } from '../provider/facts.ts'
import { readJson } from '../read-json.ts'

const API = 'https://www.twilio.com/docs/sendgrid/api-reference'

const error = (
  status: number,
  message: string,
  field: string | null,
  means: DocumentedError['means'],
  word: string,
): DocumentedError => ({
  status,
  body: { errors: [{ message, field, help: null }] },
  document: status === 400 ? `${API}/mail-send/errors` : `${API}/how-to-use-the-sendgrid-v3-api/responses#status-codes`,
  means,
  word: `sendgrid-${status} ${word}`,
})

const text = v.string()
const address = v.object({ email: text, name: v.optional(text) })

const mailSchema = v.object({
  personalizations: v.tupleWithRest([v.object({ to: v.array(address) })], v.unknown()),
  from: address,
  subject: text,
  content: v.array(v.object({ type: text, value: text })),
  custom_args: v.optional(v.object({ key: v.optional(text) })),
})

// https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
const EVENTS = {
  delivered: { event: 'delivered' },
  'hard-bounce': { event: 'bounce', type: 'bounce' },
  complaint: { event: 'spamreport' },
  suppressed: { event: 'dropped', reason: 'Bounced Address' },
  dropped: { event: 'dropped', reason: 'Spam Content (if Spam Checker app enabled)' },
}

export const facts: ProviderFacts = {
  path: '/v3/mail/send',
  apiKey: 'key-of-the-sandbox',
  isAuthentic: (headers, apiKey) => headers.get('authorization') === `Bearer ${apiKey}`,
  request: ({ apiKey, sender, to, subject, text: plain, html, key }) => ({
    path: '/v3/mail/send',
    headers: { ...JSON_TYPE, authorization: `Bearer ${apiKey}` },
    body: {
      personalizations: [{ to: [{ email: to }] }],
      from: sender,
      subject,
      content: [
        { type: 'text/plain', value: plain },
        { type: 'text/html', value: html },
      ],
      custom_args: { key },
      tracking_settings: { click_tracking: { enable: false, enable_text: false }, open_tracking: { enable: false } },
    },
  }),
  read: (body) => {
    const { success, output } = v.safeParse(mailSchema, readJson(body))
    if (!success) return null
    const { from, subject, content, custom_args: args } = output
    const partOf = (type: string) => content.find((part) => part.type === type)?.value ?? ''
    return {
      from: fromHeader(from.name, from.email),
      to: output.personalizations[0].to.map(({ email }) => email),
      subject,
      text: partOf('text/plain'),
      html: partOf('text/html'),
      key: args?.key ?? null,
    }
  },
  accept: (id) => ({ status: 202, headers: { 'x-message-id': id }, body: '' }),
  errors: {
    unauthorized: error(
      401,
      'The provided authorization grant is invalid, expired, or revoked',
      null,
      'us',
      'unauthorized',
    ),
    invalid: error(
      400,
      'Does not contain a valid address.',
      'personalizations.0.to.0.email',
      'this-address',
      'invalid-recipient',
    ),
    'invalid-from': error(400, 'The from email does not contain a valid address.', 'from.email', 'us', 'invalid-from'),
    'bad-request': error(400, 'The subject is required.', 'subject', 'us', 'bad-request'),
    'credits-exceeded': error(401, 'Maximum credits exceeded', null, 'us', 'maximum-credits-exceeded'),
    'sender-identity': error(
      403,
      'The from address does not match a verified Sender Identity.',
      'from',
      'us',
      'sender-identity-not-verified',
    ),
    forbidden: error(403, 'access forbidden', null, 'us', 'forbidden'),
    'not-found': error(404, 'not found', null, 'us', 'not-found'),
    'method-not-allowed': error(405, 'method not allowed', null, 'us', 'method-not-allowed'),
    'unsupported-media-type': error(415, 'unsupported media type', null, 'us', 'unsupported-media-type'),
    'payload-too-large': error(
      413,
      'The JSON payload you have included in your request is too large.',
      null,
      'this-mail',
      'payload-too-large',
    ),
    'too-many-requests': {
      ...error(429, 'too many requests', null, 'wait', 'too-many-requests'),
      document: `${API}/how-to-use-the-sendgrid-v3-api/rate-limits`,
    },
    'not-available': error(503, 'The SendGrid v3 Web API is not available.', null, 'wait', 'service-not-available'),
    'server-unavailable': {
      ...error(500, 'An error occurred on a SendGrid server.', null, 'silence', ''),
      word: 'sendgrid-500',
    },
  },
  openEvents: () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return {
      secret: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
      signsTime: true,
      ignored: [{ event: 'open', sg_message_id: 'x', timestamp: 1_795_773_600 }],
      event: (kind, { id, to: [email] }, at) => {
        const sg_message_id = `${id}.filterdrecv-5645d9c87f-78xg2-1-5F5FC76C-9.0`
        return [{ ...EVENTS[kind], email, timestamp: secondsOf(at), sg_message_id }]
      },
      sign: (body, { at }) => ({
        headers: {
          ...JSON_TYPE,
          'x-twilio-email-event-webhook-timestamp': String(secondsOf(at)),
          'x-twilio-email-event-webhook-signature': createSign('sha256')
            .update(`${secondsOf(at)}${body}`)
            .sign(privateKey, 'base64'),
        },
        body,
      }),
    }
  },
}
