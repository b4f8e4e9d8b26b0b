import * as v from 'valibot'
import type { Provider } from './provider.ts'
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
