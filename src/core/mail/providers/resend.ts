import { Webhook } from 'standardwebhooks'
import * as v from 'valibot'
import type { Provider } from './provider.ts'
import { isRecent, type Report, readJson, timeOf } from './report.ts'
import { formatSender, parseSender } from './sender.ts'

/** Resend's wire format (https://resend.com/docs/api-reference/emails/send-email). It drops a copy under the same key for a day. */
export const resend: Provider = {
  publicUrl: () => 'https://api.resend.com',
  connect: (settings) => {
    const from = formatSender(parseSender(settings.from))
    return ({ to, subject, text, html }, idempotencyKey) => ({
      path: '/emails',
      headers: {
        authorization: `Bearer ${settings.apiKey}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify({ from, to, subject, text, html }),
    })
  },
  readId: ({ json }) => {
    if (!v.is(v.looseObject({}), json) || Array.isArray(json)) return undefined
    return typeof json.id === 'string' ? json.id : null
  },
  readCode: ({ status, json }) => {
    if (!v.is(fault, json)) return undefined
    if (json.name !== 'validation_error') return json.name
    // One name for a bad recipient, which is this mail's, and for a bad sender or an unverified domain, which are ours.
    return status === 403 || /`?\bfrom\b`?|domain|api key/i.test(json.message ?? '')
      ? 'validation_error sender'
      : json.name
  },
  // https://resend.com/docs/api-reference/errors
  meanings: {
    validation_error: ['validation-error', 'this-mail'],
    'validation_error sender': ['sender-not-verified', 'us'],
    missing_required_field: ['missing-required-field', 'us'],
    invalid_parameter: ['invalid-parameter', 'us'],
    invalid_from_address: ['invalid-from-address', 'us'],
    invalid_access: ['invalid-access', 'us'],
    invalid_region: ['invalid-region', 'us'],
    invalid_attachment: ['invalid-attachment', 'us'],
    invalid_idempotency_key: ['invalid-idempotency-key', 'key-unusable'],
    invalid_idempotent_request: ['invalid-idempotent-request', 'key-unusable'],
    concurrent_idempotent_requests: ['concurrent-idempotent-requests', 'silence'],
    missing_api_key: ['missing-api-key', 'us'],
    restricted_api_key: ['restricted-api-key', 'us'],
    invalid_api_key: ['invalid-api-key', 'us'],
    not_found: ['not-found', 'us'],
    method_not_allowed: ['method-not-allowed', 'us'],
    security_error: ['security-error', 'us'],
    monthly_quota_exceeded: ['monthly-quota-exceeded', 'us'],
    daily_quota_exceeded: ['daily-quota-exceeded', 'us'],
    rate_limit_exceeded: ['rate-limit-exceeded', 'wait'],
    application_error: ['application-error', 'silence'],
    internal_server_error: ['internal-server-error', 'silence'],
  },
  /** Resend's webhooks (https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests): Svix signs id, time and raw body. */
  reports: {
    scheme: 'by the headers of Svix',
    admits: (headers) =>
      headers.has('svix-id') &&
      headers.has('svix-signature') &&
      isRecent(Number(headers.get('svix-timestamp') ?? Number.NaN)),
    read: async ({ headers, body, secret }) => {
      try {
        new Webhook(secret).verify(body.toString('utf8'), {
          'webhook-id': headers.get('svix-id') ?? '',
          'webhook-timestamp': headers.get('svix-timestamp') ?? '',
          'webhook-signature': headers.get('svix-signature') ?? '',
        })
      } catch (error) {
        return error instanceof SyntaxError ? 'malformed' : 'unauthenticated'
      }
      const json = readJson(body)
      return v.is(event, json) ? reportOf(json) : []
    },
    isSecret: (secret) => /^whsec_[A-Za-z0-9+/]{16,}={0,2}$/.test(secret),
  },
}

const fault = v.object({ name: v.string(), message: v.optional(v.string()) })

const event = v.object({
  type: v.string(),
  created_at: v.optional(v.string()),
  data: v.object({
    email_id: v.string(),
    bounce: v.optional(v.object({ type: v.optional(v.string()), subType: v.optional(v.string()) })),
  }),
})

const KINDS = new Map<string, Report['kind']>([
  ['email.delivered', 'delivered'],
  ['email.bounced', 'hard-bounce'],
  ['email.complained', 'complaint'],
  ['email.suppressed', 'suppressed'],
  ['email.failed', 'dropped'],
])

const reportOf = ({ type, created_at: at, data }: v.InferOutput<typeof event>): Report[] => {
  const kind = KINDS.get(type)
  if (kind === undefined || (type === 'email.bounced' && /transient|undetermined/i.test(data.bounce?.type ?? '')))
    return []
  const isSuppressed = kind === 'hard-bounce' && /suppress/i.test(data.bounce?.subType ?? '')
  return [{ providerId: data.email_id, kind: isSuppressed ? 'suppressed' : kind, at: timeOf(at) }]
}
