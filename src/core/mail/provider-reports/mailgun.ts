import { createHash, createHmac } from 'node:crypto'
import * as v from 'valibot'
import { isRecent, isSame, type Report, type ReportReader, readJson, timeOf } from './report.ts'

const TOKENS_KEPT = 10_000

/**
 * Mailgun's webhooks (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks): HMAC-SHA256 over time
 * and token, in the body. It does not cover the event, so a token is believed for one body only.
 */
export const mailgun: ReportReader = {
  admits: (headers) => /^application\/json\b/i.test(headers.get('content-type') ?? ''),
  read: async ({ body, secret }) => {
    const json = readJson(body)
    if (json === undefined) return 'malformed'
    if (!v.is(signed, json)) return 'unauthenticated'
    const { timestamp, token, signature } = json.signature
    const expected = createHmac('sha256', secret).update(`${timestamp}${token}`).digest('hex')
    const isAuthentic = isSame(signature, expected) && isRecent(Number(timestamp)) && isFirstUse(token, body)
    if (!isAuthentic) return 'unauthenticated'
    return v.is(event, json['event-data']) ? reportOf(json['event-data']) : []
  },
  isSecret: (secret) => secret.length > 0,
}

const bodies = new Map<string, string>()

const isFirstUse = (token: string, body: Buffer): boolean => {
  const print = createHash('sha256').update(body).digest('base64')
  const former = bodies.get(token)
  if (former !== undefined) return former === print
  bodies.set(token, print)
  const [oldest] = bodies.keys()
  if (bodies.size > TOKENS_KEPT && oldest !== undefined) bodies.delete(oldest)
  return true
}

const signed = v.object({
  signature: v.object({ timestamp: v.union([v.string(), v.number()]), token: v.string(), signature: v.string() }),
  'event-data': v.optional(v.unknown()),
})

const event = v.object({
  event: v.string(),
  severity: v.optional(v.string()),
  reason: v.optional(v.string()),
  timestamp: v.optional(v.number()),
  message: v.object({ headers: v.object({ 'message-id': v.string() }) }),
})

const reportOf = (one: v.InferOutput<typeof event>): Report[] => {
  const kind = kindOf(one)
  // The answer to the mail has the id in angle brackets, the event has not.
  const id = one.message.headers['message-id'].replaceAll(/^<|>$/g, '')
  return kind === null ? [] : [{ providerId: `<${id}>`, kind, at: timeOf(one.timestamp) }]
}

const kindOf = ({ event: name, severity, reason = '' }: v.InferOutput<typeof event>): Report['kind'] | null => {
  if (name === 'delivered') return 'delivered'
  if (name === 'complained') return 'complaint'
  if (name === 'rejected') return 'dropped'
  if (name !== 'failed' || severity === 'temporary') return null
  return reason.startsWith('suppress') ? 'suppressed' : 'hard-bounce'
}
