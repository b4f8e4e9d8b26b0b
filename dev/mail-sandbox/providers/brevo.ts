import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { type DocumentedError, fromHeader, JSON_TYPE, type ProviderFacts, secondsOf } from '../provider/facts.ts'
import { readJson } from '../read-json.ts'

const DOCUMENT = 'https://developers.brevo.com/docs/how-it-works#error-codes'

const error = (
  status: number,
  code: string,
  message: string,
  means: DocumentedError['means'],
  word = code.replaceAll('_', '-'),
  document = DOCUMENT,
): DocumentedError => ({ status, body: { code, message }, document, means, word: `brevo-${status} ${word}` })

const text = v.string()
const address = v.object({ email: text, name: v.optional(text) })

const mailSchema = v.object({
  sender: address,
  to: v.array(address),
  subject: text,
  textContent: text,
  htmlContent: text,
  headers: v.optional(v.object({ idempotencyKey: v.optional(text) })),
})

// https://developers.brevo.com/docs/transactional-webhooks
const EVENTS = {
  delivered: 'delivered',
  'hard-bounce': 'hard_bounce',
  complaint: 'spam',
  suppressed: 'blocked',
  dropped: 'error',
}

export const facts: ProviderFacts = {
  path: '/v3/smtp/email',
  apiKey: 'key-of-the-sandbox',
  dropsCopies: true,
  isAuthentic: (headers, apiKey) => headers.get('api-key') === apiKey,
  request: ({ apiKey, sender, to, subject, text: plain, html, key }) => ({
    path: '/v3/smtp/email',
    headers: { ...JSON_TYPE, 'api-key': apiKey },
    body: {
      sender,
      to: [{ email: to }],
      subject,
      textContent: plain,
      htmlContent: html,
      headers: { idempotencyKey: key },
      tags: [key],
    },
  }),
  read: (body) => {
    const { success, output } = v.safeParse(mailSchema, readJson(body))
    if (!success) return null
    const { sender, to, subject, textContent, htmlContent, headers } = output
    return {
      from: fromHeader(sender.name, sender.email),
      to: to.map(({ email }) => email),
      subject,
      text: textContent,
      html: htmlContent,
      key: headers?.idempotencyKey ?? null,
    }
  },
  accept: (id) => ({ status: 201, body: { messageId: `<${id}@smtp-relay.mailin.fr>` } }),
  errors: {
    unauthorized: error(401, 'unauthorized', 'Key not found', 'us'),
    invalid: error(400, 'invalid_parameter', 'email is not valid in to', 'this-address', 'invalid-recipient'),
    'invalid-sender': error(
      400,
      'invalid_parameter',
      'Sending has been rejected because the sender you used is not valid.',
      'us',
    ),
    'out-of-range': error(400, 'out_of_range', 'The value is out of range', 'us'),
    'duplicate-request': error(400, 'duplicate_request', 'The request has been made already', 'taken'),
    'reseller-permission-denied': error(403, 'reseller_permission_denied', 'Permission denied', 'us'),
    'method-not-allowed': error(405, 'method_not_allowed', 'Method not allowed', 'us'),
    'not-acceptable': error(406, 'not_acceptable', 'Not acceptable', 'us'),
    'missing-parameter': error(400, 'missing_parameter', 'subject is missing', 'us'),
    'duplicate-key': error(
      400,
      'duplicate_parameter',
      'idempotencyKey has been used already',
      'taken',
      'duplicate-parameter',
      'https://developers.brevo.com/docs/heterogenous-versions-batch-emails',
    ),
    'not-enough-credits': error(402, 'not_enough_credits', 'You do not have enough credits.', 'us'),
    'permission-denied': error(403, 'permission_denied', 'Permission denied', 'us'),
    'account-under-validation': error(403, 'account_under_validation', 'Your account is under validation', 'us'),
    'not-found': error(404, 'document_not_found', 'Not found', 'us'),
    'too-many-requests': error(429, 'too_many_requests', 'Too many requests', 'wait'),
    'internal-error': { ...error(500, 'internal_error', 'Internal error', 'silence'), word: 'brevo-500' },
  },
  openEvents: (secret = randomBytes(16).toString('hex')) => ({
    secret,
    signsTime: false,
    ignored: { event: 'opened', 'message-id': '<x>', ts_event: 1_795_773_600 },
    event: (kind, { id, to: [email] }, at) => {
      const event = EVENTS[kind]
      return { event, email, 'message-id': `<${id}@smtp-relay.mailin.fr>`, ts_event: secondsOf(at) }
    },
    sign: (body) => ({ headers: { ...JSON_TYPE, authorization: `Bearer ${secret}` }, body }),
  }),
}
