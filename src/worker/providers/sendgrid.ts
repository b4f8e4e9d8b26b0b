import * as v from 'valibot'
import type { Provider } from './provider.ts'
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
}

const DOCUMENTED_BY_STATUS = new Set([400, 401, 403, 404, 405, 413, 415, 429, 503])

const faults = v.object({
  errors: v.tupleWithRest([v.object({ message: v.string(), field: v.nullish(v.string()) })], v.unknown()),
})
