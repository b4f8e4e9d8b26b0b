import { Webhook } from 'standardwebhooks'
import * as v from 'valibot'
import { isRecent, type Report, type ReportReader, readJson, timeOf } from './report.ts'

/** Resend's webhooks (https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests): Svix signs id, time and raw body. */
export const resend: ReportReader = {
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
}

const event = v.object({
  type: v.string(),
  created_at: v.optional(v.string()),
  data: v.object({
    email_id: v.string(),
    bounce: v.optional(v.object({ type: v.optional(v.string()), subType: v.optional(v.string()) })),
  }),
})

const KINDS: Record<string, Report['kind']> = {
  'email.delivered': 'delivered',
  'email.bounced': 'hard-bounce',
  'email.complained': 'complaint',
  'email.suppressed': 'suppressed',
  'email.failed': 'dropped',
}

const reportOf = ({ type, created_at: at, data }: v.InferOutput<typeof event>): Report[] => {
  const kind = KINDS[type]
  if (kind === undefined || (type === 'email.bounced' && /transient|undetermined/i.test(data.bounce?.type ?? '')))
    return []
  const isSuppressed = kind === 'hard-bounce' && /suppress/i.test(data.bounce?.subType ?? '')
  return [{ providerId: data.email_id, kind: isSuppressed ? 'suppressed' : kind, at: timeOf(at) }]
}
