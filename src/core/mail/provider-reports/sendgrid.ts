import { createPublicKey, verify } from 'node:crypto'
import * as v from 'valibot'
import { isRecent, type Report, type ReportReader, readJson, timeOf } from './report.ts'

const SIGNATURE = 'x-twilio-email-event-webhook-signature'
const TIMESTAMP = 'x-twilio-email-event-webhook-timestamp'

/**
 * SendGrid's signed event webhook (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features):
 * ECDSA on P-256 over time and raw body; the secret is the public key that its settings show.
 */
export const sendgrid: ReportReader = {
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
}

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
const idOf = (id: string): string => id.replace(/\.(?:filter|recvd|geopod|ismtpd)[\w-]*.*$/, '')
