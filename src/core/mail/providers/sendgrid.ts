import { createPublicKey, verify } from 'node:crypto'
import * as v from 'valibot'
import type { Provider } from './provider.ts'
import { isRecent, type Report, readJson, timeOf } from './report.ts'
import { namedSender } from './sender.ts'

/**
 * SendGrid's wire format (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send). Acceptance is an empty 202 with
 * the id in a header. It knows no idempotency key; the key goes along as a custom argument, which its reports repeat.
 */
export const sendgrid: Provider = {
  publicUrl: () => 'https://api.sendgrid.com',
  connect: (settings) => {
    const from = namedSender(settings.from)
    return ({ to, subject, text, html }, idempotencyKey) => ({
      path: '/v3/mail/send',
      headers: { authorization: `Bearer ${settings.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        personalizations: [{ to: [{ email: to }] }],
        from,
        subject,
        content: [
          { type: 'text/plain', value: text },
          { type: 'text/html', value: html },
        ],
        custom_args: { key: idempotencyKey },
        tracking_settings: {
          click_tracking: { enable: false, enable_text: false },
          open_tracking: { enable: false },
        },
      }),
    })
  },
  readId: ({ status, headers, body }) => {
    if ((status !== 202 && status !== 200) || body.trim() !== '') return undefined
    return typeof headers['x-message-id'] === 'string' ? headers['x-message-id'] : null
  },
  readCode: ({ status, json }) => {
    if (!v.is(faults, json)) return DOCUMENTED_BY_STATUS.has(status) ? `status ${status}` : undefined
    const [{ field, message }] = json.errors
    if (status === 400 && field?.startsWith('personalizations')) return 'recipient'
    if (status === 400 && field?.startsWith('from')) return 'from'
    if (status === 401 && /credits/i.test(message)) return 'credits'
    if (status === 403 && /sender identity/i.test(message)) return 'sender identity'
    return DOCUMENTED_BY_STATUS.has(status) ? `status ${status}` : undefined
  },
  // It documents errors by status, field and text:
  // https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors and …/how-to-use-the-sendgrid-v3-api/responses
  meanings: {
    recipient: ['invalid-recipient', 'this-address'],
    'status 413': ['payload-too-large', 'this-mail'],
    from: ['invalid-from', 'us'],
    credits: ['maximum-credits-exceeded', 'us'],
    'sender identity': ['sender-identity-not-verified', 'us'],
    'status 400': ['bad-request', 'us'],
    'status 401': ['unauthorized', 'us'],
    'status 403': ['forbidden', 'us'],
    'status 404': ['not-found', 'us'],
    'status 405': ['method-not-allowed', 'us'],
    'status 415': ['unsupported-media-type', 'us'],
    'status 429': ['too-many-requests', 'wait'],
    'status 503': ['service-not-available', 'wait'],
  },
  /**
   * SendGrid's signed event webhook (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features):
   * ECDSA on P-256 over time and raw body; the secret is the public key that its settings show.
   */
  reports: {
    scheme: 'by ECDSA',
    admits: (headers) => headers.has(SIGNATURE) && isRecent(Number(headers.get(TIMESTAMP) ?? Number.NaN)),
    read: async ({ headers, body, secret }) => {
      const signed = Buffer.concat([Buffer.from(headers.get(TIMESTAMP) ?? ''), body])
      const signature = Buffer.from(headers.get(SIGNATURE) ?? '', 'base64')
      const key = publicKey(secret)
      if (key === null || !verify('sha256', signed, key, signature)) return 'unauthenticated'
      const json = readJson(body)
      if (!Array.isArray(json)) return 'malformed'
      return json.flatMap((one: unknown) => (v.is(event, one) ? reportOf(one) : []))
    },
    isSecret: (secret) => publicKey(secret) !== null,
  },
}

const DOCUMENTED_BY_STATUS = new Set([400, 401, 403, 404, 405, 413, 415, 429, 503])

const faults = v.object({
  errors: v.tupleWithRest([v.object({ message: v.string(), field: v.nullish(v.string()) })], v.unknown()),
})

const SIGNATURE = 'x-twilio-email-event-webhook-signature'
const TIMESTAMP = 'x-twilio-email-event-webhook-timestamp'

const publicKey = (secret: string) => {
  try {
    return createPublicKey({ key: Buffer.from(secret, 'base64'), format: 'der', type: 'spki' })
  } catch {
    return null
  }
}

const event = v.object({
  event: v.string(),
  sg_message_id: v.string(),
  type: v.optional(v.string()),
  reason: v.optional(v.string()),
  timestamp: v.optional(v.number()),
})

const reportOf = (one: v.InferOutput<typeof event>): Report[] => {
  const kind = kindOf(one)
  return kind === null ? [] : [{ providerId: idOf(one.sg_message_id), kind, at: timeOf(one.timestamp) }]
}

const kindOf = ({ event: name, type, reason = '' }: v.InferOutput<typeof event>): Report['kind'] | null => {
  if (name === 'delivered') return 'delivered'
  if (name === 'spamreport') return 'complaint'
  // A mail that was blocked is no bad address; SendGrid itself calls it a soft bounce.
  if (name === 'bounce') return type === 'blocked' ? null : 'hard-bounce'
  if (name === 'dropped') return /bounced|unsubscribed|spam report/i.test(reason) ? 'suppressed' : 'dropped'
  return null
}

/** Its id of an event begins with the `X-Message-Id` that the mail was taken under, then names the hosts that it went through. */
const idOf = (id: string): string => id.replace(/\.(?:filter|recvd|geopod|ismtpd).*/, '')
