import { createHash, createHmac } from 'node:crypto'
import * as v from 'valibot'
import type { Provider } from './provider.ts'
import { isRecent, isSame, type Report, readJson, timeOf } from './report.ts'
import { domainOf, formatSender, parseSender } from './sender.ts'

/**
 * Mailgun's wire format (https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages): a form. It knows no
 * idempotency key; the key goes along as a variable, which its reports repeat.
 */
export const mailgun: Provider = {
  publicUrl: (region) => (region === 'eu' ? 'https://api.eu.mailgun.net' : 'https://api.mailgun.net'),
  connect: (settings) => {
    const from = formatSender(parseSender(settings.from))
    const domain = encodeURIComponent(settings.domain ?? domainOf(settings.from))
    const authorization = `Basic ${Buffer.from(`api:${settings.apiKey}`).toString('base64')}`
    return ({ to, subject, text, html }, idempotencyKey) => ({
      path: `/v3/${domain}/messages`,
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        from,
        to,
        subject,
        text,
        html,
        'o:tracking': 'no',
        'o:tracking-clicks': 'no',
        'o:tracking-opens': 'no',
        'v:key': idempotencyKey,
      }).toString(),
    })
  },
  readId: ({ json }) => (v.is(accepted, json) ? json.id : undefined),
  readCode: ({ status, json }) => {
    const text = v.is(fault, json) ? json.message : ''
    const known = DOCUMENTED.find((one) => one.status === status && one.text.test(text))
    return known?.code ?? (status === 401 || status === 402 || status === 403 ? `status ${status}` : undefined)
  },
  // It has no codes: its documents name status and text. https://documentation.mailgun.com/docs/mailgun/quickstart-guide/responses
  meanings: {
    recipient: ['invalid-recipient', 'this-address'],
    'too large': ['message-too-large', 'this-mail'],
    from: ['invalid-from', 'us'],
    'free accounts': ['not-an-authorized-recipient', 'us'],
    disabled: ['account-or-domain-disabled', 'us'],
    'not activated': ['account-not-activated', 'us'],
    probation: ['account-on-probation', 'us'],
    'domain not found': ['domain-not-found', 'us'],
    'status 401': ['unauthorized', 'us'],
    'status 402': ['request-failed', 'us'],
    'status 403': ['forbidden', 'us'],
    limit: ['sending-limit-reached', 'wait'],
  },
  settings: { region: v.optional(v.picklist(['us', 'eu'], 'must be us or eu')) },
  /**
   * Mailgun's webhooks (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks): HMAC-SHA256 over time
   * and token, in the body. It does not cover the event, so a token is believed for one body only.
   */
  reports: {
    scheme: 'by an HMAC in the body',
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
  },
}

const accepted = v.object({ id: v.string() })
const fault = v.object({ message: v.string() })

/** The first that fits decides. */
const DOCUMENTED = [
  { code: 'free accounts', status: 400, text: /free accounts are for test purposes/i },
  { code: 'free accounts', status: 403, text: /authorized recipients|free accounts are for test purposes/i },
  { code: 'disabled', status: 403, text: /disabled|suspended/i },
  { code: 'disabled', status: 400, text: /(?:account|domain).*(?:disabled|suspended)/i },
  { code: 'not activated', status: 403, text: /activat/i },
  { code: 'probation', status: 403, text: /probation/i },
  { code: 'domain not found', status: 404, text: /domain/i },
  { code: 'from', status: 400, text: /'?\bfrom\b'? parameter/i },
  { code: 'recipient', status: 400, text: /'?\bto\b'? parameter is not a valid address/i },
  { code: 'too large', status: 400, text: /too (?:large|big)/i },
  { code: 'too large', status: 413, text: /(?:)/ },
  { code: 'limit', status: 429, text: /(?:)/ },
]

const TOKENS_KEPT = 10_000

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
