import { createHmac, randomBytes } from 'node:crypto'
import { type DocumentedError, fromHeader, JSON_TYPE, type ProviderFacts, secondsOf } from '../provider/facts.ts'

const DOCUMENT = 'https://documentation.mailgun.com/docs/mailgun/quickstart-guide/responses'

const error = (
  status: number,
  message: string,
  means: DocumentedError['means'],
  word: string,
  document = DOCUMENT,
): DocumentedError => ({ status, body: { message }, document, means, word: `mailgun-${status} ${word}`.trim() })

// https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure
const EVENTS = {
  delivered: { event: 'delivered' },
  'hard-bounce': { event: 'failed', severity: 'permanent', reason: 'bounce' },
  complaint: { event: 'complained' },
  suppressed: { event: 'failed', severity: 'permanent', reason: 'suppress-bounce' },
  dropped: { event: 'rejected', reject: { reason: 'Sandbox subdomains are for test purposes only.' } },
}

export const facts: ProviderFacts = {
  path: '/v3/:domain/messages',
  apiKey: 'key-of-the-sandbox',
  isAuthentic: (headers, apiKey) =>
    headers.get('authorization') === `Basic ${Buffer.from(`api:${apiKey}`).toString('base64')}`,
  request: ({ apiKey, sender, key, ...mail }) => ({
    path: `/v3/${sender.email.split('@')[1]}/messages`,
    headers: {
      authorization: `Basic ${Buffer.from(`api:${apiKey}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: {
      from: fromHeader(sender.name, sender.email),
      ...mail,
      'o:tracking': 'no',
      'o:tracking-clicks': 'no',
      'o:tracking-opens': 'no',
      'v:key': key,
    },
  }),
  read: (body) => {
    const form = new URLSearchParams(body)
    const field = (name: string) => form.get(name) ?? ''
    if (!form.has('to')) return null
    return {
      from: field('from'),
      to: form.getAll('to'),
      subject: field('subject'),
      text: field('text'),
      html: field('html'),
      key: form.get('v:key'),
    }
  },
  accept: (id) => ({ status: 200, body: { id: `<${id}@sandbox.mailgun.example>`, message: 'Queued. Thank you.' } }),
  errors: {
    unauthorized: { ...error(401, '', 'us', 'unauthorized'), body: 'Forbidden' },
    invalid: error(
      400,
      "'to' parameter is not a valid address. please check documentation",
      'this-address',
      'invalid-recipient',
    ),
    'invalid-from': error(
      400,
      "'from' parameter is not a valid address. please check documentation",
      'us',
      'invalid-from',
    ),
    'free-account': error(
      403,
      'Domain sandbox.mailgun.org is not allowed to send: Free accounts are for test purposes only. Please upgrade or add the address to authorized recipients in Account Settings.',
      'us',
      'not-an-authorized-recipient',
      'https://help.mailgun.com/hc/en-us/articles/217531258-Authorized-Recipients',
    ),
    'account-disabled': error(
      403,
      'Domain example.com is not allowed to send: Account disabled',
      'us',
      'account-or-domain-disabled',
    ),
    'not-activated': error(
      403,
      'Please activate your Mailgun account. Check your inbox or log in to your control panel to resend the activation email.',
      'us',
      'account-not-activated',
    ),
    probation: error(
      403,
      'Domain example.com is not allowed to send: your account is on probation',
      'us',
      'account-on-probation',
    ),
    forbidden: error(403, 'Forbidden', 'us', 'forbidden'),
    'request-failed': error(402, 'Request failed.', 'us', 'request-failed'),
    'domain-not-found': error(404, 'Domain not found: example.com', 'us', 'domain-not-found'),
    'message-too-large': error(413, 'Request Entity Too Large', 'this-mail', 'message-too-large'),
    'limit-exceeded': error(
      429,
      'Domain example.com is not allowed to send: request limit exceeded, try again after a while',
      'wait',
      'sending-limit-reached',
    ),
    'internal-error': error(500, 'Internal error', 'silence', ''),
  },
  openEvents: (secret = randomBytes(16).toString('hex')) => ({
    secret,
    signsTime: true,
    ignored: { event: 'opened', message: { headers: { 'message-id': 'x' } } },
    event: (kind, { id }, at) => {
      const message = { headers: { 'message-id': `${id}@sandbox.mailgun.example` } }
      return { ...EVENTS[kind], timestamp: at.getTime() / 1000, message }
    },
    sign: (body, { at }) => {
      const [timestamp, token] = [String(secondsOf(at)), randomBytes(25).toString('hex')]
      const signature = createHmac('sha256', secret).update(`${timestamp}${token}`).digest('hex')
      const data: unknown = JSON.parse(body)
      const signed = { signature: { timestamp, token, signature }, 'event-data': data }
      return { headers: JSON_TYPE, body: JSON.stringify(signed) }
    },
  }),
}
