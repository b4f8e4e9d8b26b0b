import { randomBytes } from 'node:crypto'
import { type DocumentedError, fromHeader, JSON_TYPE, type ProviderFacts } from '../provider/facts.ts'
import { readJson } from '../read-json.ts'

const error = (
  status: number,
  ErrorCode: number,
  Message: string,
  means: DocumentedError['means'],
  word: string,
): DocumentedError => ({
  status,
  body: { ErrorCode, Message },
  document: 'https://postmarkapp.com/developer/api/overview#error-codes',
  means,
  word,
})

// https://postmarkapp.com/developer/webhooks/webhooks-overview, https://postmarkapp.com/developer/api/bounce-api#bounce-types
const EVENTS = {
  delivered: { RecordType: 'Delivery' },
  'hard-bounce': { RecordType: 'Bounce', Type: 'HardBounce' },
  complaint: { RecordType: 'SpamComplaint', Type: 'SpamComplaint' },
  suppressed: { RecordType: 'Bounce', Type: 'ManuallyDeactivated' },
  dropped: { RecordType: 'Bounce', Type: 'Blocked' },
}

export const facts: ProviderFacts = {
  path: '/email',
  apiKey: 'key-of-the-sandbox',
  isAuthentic: (headers, apiKey) => headers.get('x-postmark-server-token') === apiKey,
  request: ({ apiKey, sender, to, subject, text, html, key }) => ({
    path: '/email',
    headers: { ...JSON_TYPE, 'x-postmark-server-token': apiKey },
    body: {
      From: fromHeader(sender.name, sender.email),
      To: to,
      Subject: subject,
      TextBody: text,
      HtmlBody: html,
      MessageStream: 'outbound',
      TrackOpens: false,
      TrackLinks: 'None',
      Metadata: { key },
    },
  }),
  read: (body) => {
    const mail = readJson(body)
    if (typeof mail !== 'object' || mail === null || !('To' in mail)) return null
    const { From, To, Subject, TextBody, HtmlBody, Metadata }: Record<string, unknown> = { ...mail }
    const { key }: { key?: unknown } = typeof Metadata === 'object' && Metadata !== null ? Metadata : {}
    return {
      from: String(From),
      to: String(To).split(','),
      subject: String(Subject),
      text: String(TextBody),
      html: String(HtmlBody),
      key: typeof key === 'string' ? key : null,
    }
  },
  accept: (id) => ({
    status: 200,
    body: { To: '', SubmittedAt: new Date().toISOString(), MessageID: id, ErrorCode: 0, Message: 'OK' },
  }),
  errors: {
    unauthorized: error(401, 10, 'Bad or missing Server API token.', 'us', 'postmark-10 bad-or-missing-api-token'),
    invalid: error(
      422,
      300,
      "Error parsing 'To': Illegal email address.",
      'this-mail',
      'postmark-300 invalid-email-request',
    ),
    'invalid-from': error(422, 300, "Invalid 'From' address.", 'us', 'postmark-422 invalid-from-address'),
    'inactive-recipient': error(
      422,
      406,
      'You tried to send to recipient(s) that have been marked as inactive.',
      'this-address',
      'postmark-406 inactive-recipient',
    ),
    'sender-not-found': error(
      422,
      400,
      'The From address you supplied is not a Sender Signature on your account.',
      'us',
      'postmark-400 sender-signature-not-found',
    ),
    'sender-not-confirmed': error(
      422,
      401,
      'The sender signature is not confirmed.',
      'us',
      'postmark-401 sender-signature-not-confirmed',
    ),
    'not-allowed-to-send': error(422, 405, 'You have run out of credits.', 'us', 'postmark-405 not-allowed-to-send'),
    'account-pending': error(
      422,
      412,
      'While your account is pending approval, all recipient addresses must share the same domain as the From address.',
      'us',
      'postmark-412 account-pending-approval',
    ),
    'account-may-not-send': error(
      422,
      413,
      'This account has been disabled.',
      'us',
      'postmark-413 account-may-not-send',
    ),
    'invalid-json': error(422, 402, 'The JSON is syntactically incorrect.', 'us', 'postmark-402 invalid-json'),
    'invalid-fields': error(
      422,
      403,
      'The JSON holds fields that are not expected.',
      'us',
      'postmark-403 invalid-request-fields',
    ),
    'json-required': error(422, 409, 'Your HTTP request needs JSON headers.', 'us', 'postmark-409 json-required'),
    'forbidden-attachment': error(
      422,
      411,
      'The attachment has a file type that is not allowed.',
      'us',
      'postmark-411 forbidden-attachment-type',
    ),
    'rate-limit-exceeded': error(
      429,
      429,
      'You have exceeded the rate limit.',
      'wait',
      'postmark-429 rate-limit-exceeded',
    ),
    maintenance: error(503, 100, 'The API is offline for maintenance.', 'wait', 'postmark-100 maintenance'),
    'internal-server-error': {
      ...error(500, 500, 'Internal error.', 'silence', 'postmark-500'),
      document: 'https://postmarkapp.com/developer/api/overview#response-codes',
    },
    'payload-too-large': {
      ...error(413, 0, '', 'this-mail', 'postmark-413 payload-too-large'),
      body: 'Payload Too Large',
      document: 'https://postmarkapp.com/developer/api/overview#response-codes',
    },
  },
  openEvents: (secret = `sandbox:${randomBytes(16).toString('hex')}`) => ({
    secret,
    signsTime: false,
    ignored: { RecordType: 'Open', MessageID: 'x', ReceivedAt: '2026-11-27T10:00:00.000Z' },
    event: (kind, { id, to: [to] }, at) => {
      const when = kind === 'delivered' ? { Recipient: to, DeliveredAt: at } : { Email: to, BouncedAt: at }
      return { ...EVENTS[kind], MessageID: id, ...when }
    },
    sign: (body) => ({
      headers: { ...JSON_TYPE, authorization: `Basic ${Buffer.from(secret).toString('base64')}` },
      body,
    }),
  }),
}
