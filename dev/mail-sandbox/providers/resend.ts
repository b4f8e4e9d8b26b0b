import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { type DocumentedError, fromHeader, JSON_TYPE, type ProviderFacts, secondsOf } from '../provider/facts.ts'
import { readJson } from '../read-json.ts'

const DOCUMENT = 'https://resend.com/docs/api-reference/errors'

const error = (
  statusCode: number,
  name: string,
  message: string,
  means: DocumentedError['means'],
  word = name.replaceAll('_', '-'),
): DocumentedError => ({
  status: statusCode,
  body: { statusCode, name, message },
  document: `${DOCUMENT}#${name}`,
  means,
  word: `resend-${statusCode} ${word}`,
})

// https://resend.com/docs/dashboard/webhooks/event-types
const EVENTS = {
  delivered: { type: 'email.delivered' },
  'hard-bounce': {
    type: 'email.bounced',
    bounce: {
      type: 'Permanent',
      subType: 'General',
      message: 'The mailbox does not exist (the mail sandbox says so).',
    },
  },
  complaint: { type: 'email.complained' },
  suppressed: {
    type: 'email.suppressed',
    suppressed: { type: 'OnAccountSuppressionList', message: 'The address bounced before (the mail sandbox says so).' },
  },
  dropped: { type: 'email.failed', failed: { reason: 'reached_daily_quota' } },
}

export const facts: ProviderFacts = {
  path: '/emails',
  apiKey: 'key-of-the-sandbox',
  dropsCopies: true,
  isAuthentic: (headers, apiKey) => headers.get('authorization') === `Bearer ${apiKey}`,
  request: ({ apiKey, sender, key, ...mail }) => ({
    path: '/emails',
    headers: { ...JSON_TYPE, authorization: `Bearer ${apiKey}`, 'idempotency-key': key },
    body: { from: fromHeader(sender.name, sender.email), ...mail },
  }),
  read: (body, headers) => {
    const mail = readJson(body)
    if (typeof mail !== 'object' || mail === null || !('to' in mail)) return null
    const { from = '', to, subject = '', text = '', html = '' }: Record<string, unknown> = { ...mail }
    return {
      from: String(from),
      to: [to].flat().map(String),
      subject: String(subject),
      text: String(text),
      html: String(html),
      key: headers.get('idempotency-key'),
    }
  },
  accept: (id) => ({ status: 200, body: { id } }),
  errors: {
    unauthorized: error(403, 'invalid_api_key', 'API key is invalid.', 'us'),
    invalid: error(422, 'validation_error', 'Invalid `to` field.', 'this-mail'),
    'validation-error': error(
      400,
      'validation_error',
      'We found an error with one or more fields in the request.',
      'this-mail',
    ),
    'domain-not-verified': error(
      403,
      'validation_error',
      'The example.com domain is not verified.',
      'us',
      'sender-not-verified',
    ),
    'invalid-from': error(422, 'validation_error', 'Invalid `from` field.', 'us', 'sender-not-verified'),
    'invalid-from-address': error(422, 'invalid_from_address', 'Invalid `from` field.', 'us'),
    'missing-required-field': error(422, 'missing_required_field', 'Missing `to` field.', 'us'),
    'invalid-parameter': error(422, 'invalid_parameter', 'The `parameter` must be a valid UUID.', 'us'),
    'invalid-access': error(422, 'invalid_access', 'Access must be "full_access" | "sending_access".', 'us'),
    'invalid-region': error(422, 'invalid_region', 'Region must be "us-east-1" | "eu-west-1" | "sa-east-1".', 'us'),
    'invalid-attachment': error(422, 'invalid_attachment', 'Attachment must have either a `content` or `path`.', 'us'),
    'method-not-allowed': error(405, 'method_not_allowed', 'Method is not allowed for the requested path.', 'us'),
    'invalid-idempotency-key': error(
      400,
      'invalid_idempotency_key',
      'The key must be between 1-256 chars.',
      'key-unusable',
    ),
    'missing-api-key': error(401, 'missing_api_key', 'Missing API key in the authorization header.', 'us'),
    'restricted-api-key': error(401, 'restricted_api_key', 'This API key is restricted to only send emails.', 'us'),
    'not-found': error(404, 'not_found', 'The requested endpoint does not exist.', 'us'),
    'idempotency-key-reused': error(
      409,
      'invalid_idempotent_request',
      'Same idempotency key used with a different request payload.',
      'key-unusable',
    ),
    'idempotency-in-progress': error(
      409,
      'concurrent_idempotent_requests',
      'Same idempotency key used while original request is still in progress.',
      'silence',
    ),
    'daily-quota-exceeded': error(
      429,
      'daily_quota_exceeded',
      'You have reached your daily email sending quota.',
      'us',
    ),
    'monthly-quota-exceeded': error(
      429,
      'monthly_quota_exceeded',
      'You have reached your monthly email sending quota.',
      'us',
    ),
    'rate-limit-exceeded': error(429, 'rate_limit_exceeded', 'Too many requests.', 'wait'),
    'security-error': error(451, 'security_error', 'We may have found a security issue with the request.', 'us'),
    'internal-server-error': error(500, 'internal_server_error', 'An unexpected error occurred.', 'silence'),
    'application-error': error(500, 'application_error', 'An unexpected error occurred.', 'silence'),
  },
  openEvents: (secret = `whsec_${randomBytes(24).toString('base64')}`) => ({
    secret,
    signsTime: true,
    ignored: { type: 'email.opened', created_at: '2026-11-27T10:00:00.000Z', data: { email_id: 'x' } },
    event: (kind, { id, from, to, subject, createdAt }, at) => {
      const { type, ...details } = EVENTS[kind]
      const data = { email_id: id, created_at: createdAt, from, to, subject, ...details }
      return { type, created_at: at.toISOString(), data }
    },
    sign: (body, { id, at }) => ({
      headers: {
        ...JSON_TYPE,
        'user-agent': 'Svix-Webhooks/1.84.0 (mail sandbox)',
        'svix-id': id,
        'svix-timestamp': String(secondsOf(at)),
        'svix-signature': new Webhook(secret).sign(id, at, body),
      },
      body,
    }),
  }),
}
