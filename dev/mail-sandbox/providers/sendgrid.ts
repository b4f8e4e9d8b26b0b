import * as v from 'valibot'
import { readJson } from '../read-json.ts'
import type { DocumentedError, ProviderFacts } from './provider-facts.ts'

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

export const sendgrid: ProviderFacts = {
  path: '/v3/mail/send',
  isAuthentic: (headers, apiKey) => headers.get('authorization') === `Bearer ${apiKey}`,
  read: (body) => {
    const { success, output } = v.safeParse(mailSchema, readJson(body))
    if (!success) return null
    const { from, subject, content, custom_args: args } = output
    const partOf = (type: string) => content.find((part) => part.type === type)?.value ?? ''
    return {
      from: from.name ? `${from.name} <${from.email}>` : from.email,
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
}
