import * as v from 'valibot'
import type { Provider } from './provider.ts'
import { isSame, type Report, readJson, timeOf } from './report.ts'
import { formatSender, parseSender } from './sender.ts'

/**
 * Postmark's wire format (https://postmarkapp.com/developer/api/email-api). It knows no idempotency key: after a try that
 * was never answered a person may get the same code twice. The key goes along as metadata, which its reports repeat.
 */
export const postmark: Provider = {
  publicUrl: () => 'https://api.postmarkapp.com',
  connect: (settings) => {
    const from = formatSender(parseSender(settings.from))
    return ({ to, subject, text, html }, idempotencyKey) => ({
      path: '/email',
      headers: { 'x-postmark-server-token': settings.apiKey ?? '', 'content-type': 'application/json' },
      body: JSON.stringify({
        From: from,
        To: to,
        Subject: subject,
        TextBody: text,
        HtmlBody: html,
        MessageStream: 'outbound',
        TrackOpens: false,
        TrackLinks: 'None',
        Metadata: { key: idempotencyKey },
      }),
    })
  },
  readId: ({ json }) => (v.is(accepted, json) ? json.MessageID : undefined),
  readCode: ({ status, json }) => {
    if (!v.is(fault, json)) return status === 413 ? 'too large' : undefined
    // The same code for a bad recipient, which is this mail's, and for a bad sender, which is ours.
    return json.ErrorCode === 300 && /\bfrom\b/i.test(json.Message ?? '') ? '300 from' : String(json.ErrorCode)
  },
  // https://postmarkapp.com/developer/api/overview#error-codes
  meanings: {
    300: ['invalid-email-request', 'this-mail'],
    406: ['inactive-recipient', 'this-address'],
    'too large': ['payload-too-large', 'this-mail'],
    '300 from': ['invalid-from-address', 'us'],
    10: ['bad-or-missing-api-token', 'us'],
    400: ['sender-signature-not-found', 'us'],
    401: ['sender-signature-not-confirmed', 'us'],
    402: ['invalid-json', 'us'],
    403: ['invalid-request-fields', 'us'],
    405: ['not-allowed-to-send', 'us'],
    409: ['json-required', 'us'],
    411: ['forbidden-attachment-type', 'us'],
    412: ['account-pending-approval', 'us'],
    413: ['account-may-not-send', 'us'],
    100: ['maintenance', 'wait'],
    429: ['rate-limit-exceeded', 'wait'],
  },
  /** Postmark's webhooks (https://postmarkapp.com/developer/webhooks/webhooks-overview): HTTP Basic, from the credentials in its URL. */
  reports: {
    scheme: 'by `Authorization: Basic`',
    admits: (headers, secret) =>
      isSame(headers.get('authorization') ?? '', `Basic ${Buffer.from(secret).toString('base64')}`),
    read: async ({ body }) => {
      const json = readJson(body)
      if (json === undefined) return 'malformed'
      return v.is(event, json) ? reportOf(json) : []
    },
    isSecret: (secret) => /^[^:]+:.+$/.test(secret),
  },
}

const accepted = v.object({ ErrorCode: v.optional(v.literal(0)), MessageID: v.string() })
const fault = v.object({ ErrorCode: v.pipe(v.number(), v.integer()), Message: v.optional(v.string()) })

const event = v.object({
  RecordType: v.string(),
  MessageID: v.string(),
  Type: v.optional(v.string()),
  DeliveredAt: v.optional(v.string()),
  BouncedAt: v.optional(v.string()),
})

// Of https://postmarkapp.com/developer/api/bounce-api#bounce-types those after which this mail does not arrive.
const BOUNCES = new Map<string, Report['kind']>([
  ['HardBounce', 'hard-bounce'],
  ['BadEmailAddress', 'hard-bounce'],
  ['ManuallyDeactivated', 'suppressed'],
  ['SpamComplaint', 'complaint'],
  ['SpamNotification', 'dropped'],
  ['Blocked', 'dropped'],
  ['DMARCPolicy', 'dropped'],
])

const reportOf = (one: v.InferOutput<typeof event>): Report[] => {
  const kind =
    one.RecordType === 'Delivery'
      ? 'delivered'
      : one.RecordType === 'SpamComplaint'
        ? 'complaint'
        : one.RecordType === 'Bounce'
          ? BOUNCES.get(one.Type ?? '')
          : undefined
  return kind === undefined ? [] : [{ providerId: one.MessageID, kind, at: timeOf(one.DeliveredAt ?? one.BouncedAt) }]
}
