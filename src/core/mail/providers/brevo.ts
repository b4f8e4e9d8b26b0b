import * as v from 'valibot'
import type { Provider } from './provider.ts'
import { isSame, type Report, readJson, timeOf } from './report.ts'
import { namedSender } from './sender.ts'

/**
 * Brevo's wire format (https://developers.brevo.com/reference/send-transac-email). It drops a copy under the same key for half an
 * hour, and says so by an error. Tracking is switched off in its settings; a mail has no place for it.
 */
export const brevo: Provider = {
  publicUrl: () => 'https://api.brevo.com',
  connect: (settings) => {
    const sender = namedSender(settings.from)
    return ({ to, subject, text, html }, idempotencyKey) => ({
      path: '/v3/smtp/email',
      headers: { 'api-key': settings.apiKey ?? '', 'content-type': 'application/json' },
      body: JSON.stringify({
        sender,
        to: [{ email: to }],
        subject,
        textContent: text,
        htmlContent: html,
        headers: { idempotencyKey },
        tags: [idempotencyKey],
      }),
    })
  },
  readId: ({ json }) => (v.is(accepted, json) ? json.messageId : undefined),
  readCode: ({ json }) => {
    if (!v.is(fault, json)) return undefined
    // The same codes for a bad recipient, which is this mail's, and for everything else, which is ours.
    const isRecipient = /\b(?:to|recipient|email)\b/i.test(json.message ?? '') && !/sender/i.test(json.message ?? '')
    return json.code === 'invalid_parameter' && isRecipient ? 'invalid_parameter recipient' : json.code
  },
  // https://developers.brevo.com/docs/how-it-works and https://developers.brevo.com/docs/heterogenous-versions-batch-emails
  meanings: {
    'invalid_parameter recipient': ['invalid-recipient', 'this-address'],
    duplicate_parameter: ['duplicate-parameter', 'taken'],
    duplicate_request: ['duplicate-request', 'taken'],
    invalid_parameter: ['invalid-parameter', 'us'],
    missing_parameter: ['missing-parameter', 'us'],
    out_of_range: ['out-of-range', 'us'],
    unauthorized: ['unauthorized', 'us'],
    permission_denied: ['permission-denied', 'us'],
    reseller_permission_denied: ['reseller-permission-denied', 'us'],
    not_enough_credits: ['not-enough-credits', 'us'],
    account_under_validation: ['account-under-validation', 'us'],
    document_not_found: ['document-not-found', 'us'],
    method_not_allowed: ['method-not-allowed', 'us'],
    not_acceptable: ['not-acceptable', 'us'],
    too_many_requests: ['too-many-requests', 'wait'],
  },
  /** Brevo's webhooks (https://developers.brevo.com/docs/username-and-password-authentication): a bearer token; one event, or a batch. */
  reports: {
    scheme: 'by `Authorization: Bearer`',
    admits: (headers, secret) => isSame(headers.get('authorization') ?? '', `Bearer ${secret}`),
    read: async ({ body }) => {
      const json = readJson(body)
      if (json === undefined) return 'malformed'
      return [json].flat().flatMap((one: unknown) => (v.is(event, one) ? reportOf(one) : []))
    },
    isSecret: (secret) => /^[\x21-\x7e]+$/.test(secret),
  },
}

const accepted = v.object({ messageId: v.string() })
const fault = v.object({ code: v.string(), message: v.optional(v.string()) })

const event = v.object({ event: v.string(), 'message-id': v.string(), ts_event: v.optional(v.number()) })

// https://developers.brevo.com/docs/transactional-webhooks
const KINDS = new Map<string, Report['kind']>([
  ['delivered', 'delivered'],
  ['hard_bounce', 'hard-bounce'],
  ['hardBounce', 'hard-bounce'],
  ['invalid_email', 'hard-bounce'],
  ['invalid', 'hard-bounce'],
  ['blocked', 'suppressed'],
  ['error', 'dropped'],
  ['spam', 'complaint'],
  ['complaint', 'complaint'],
])

const reportOf = (one: v.InferOutput<typeof event>): Report[] => {
  const kind = KINDS.get(one.event)
  return kind === undefined ? [] : [{ providerId: one['message-id'], kind, at: timeOf(one.ts_event) }]
}
