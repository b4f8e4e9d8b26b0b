import * as v from 'valibot'
import { type DocumentedError, fromHeader, JSON_TYPE, type ProviderFacts } from '../provider/facts.ts'
import { readJson } from '../read-json.ts'

const API = 'https://mailpit.axllent.org/docs/api-v1/view.html#post-/api/v1/send'

const error = (status: number, body: unknown, means: DocumentedError['means'], word: string): DocumentedError => ({
  status,
  body,
  document: API,
  means,
  word: `mailpit-${status}${word}`,
})

const text = v.string()
const address = v.object({ Email: text, Name: v.optional(text) })

const mailSchema = v.object({
  From: address,
  To: v.array(address),
  Subject: text,
  Text: text,
  HTML: text,
  Headers: v.optional(v.record(text, text)),
})

export const facts: ProviderFacts = {
  path: '/api/v1/send',
  apiKey: 'key-of-the-sandbox',
  isAuthentic: (headers, apiKey) =>
    !apiKey.includes(':') || headers.get('authorization') === `Basic ${Buffer.from(apiKey).toString('base64')}`,
  request: ({ sender, to, subject, text: plain, html, key }) => ({
    path: '/api/v1/send',
    headers: JSON_TYPE,
    body: {
      From: { Email: sender.email, Name: sender.name },
      To: [{ Email: to }],
      Subject: subject,
      Text: plain,
      HTML: html,
      Headers: { 'X-Latchkey-Key': key },
    },
  }),
  read: (body) => {
    const { success, output } = v.safeParse(mailSchema, readJson(body))
    if (!success) return null
    const { From, To, Subject, Text, HTML, Headers } = output
    return {
      from: fromHeader(From.Name, From.Email),
      to: To.map(({ Email }) => Email),
      subject: Subject,
      text: Text,
      html: HTML,
      key: Headers?.['X-Latchkey-Key'] ?? null,
    }
  },
  accept: (id) => ({ status: 200, body: { ID: id } }),
  errors: {
    unauthorized: error(401, 'Unauthorized.\n', 'us', ''),
    invalid: error(400, { Error: 'To: mail: missing @ in address' }, 'this-address', ' invalid-recipient'),
    'bad-request': error(400, { Error: 'From: mail: no address' }, 'us', ' bad-request'),
    forbidden: error(403, 'Forbidden.\n', 'us', ''),
    'not-found': error(404, '404 page not found\n', 'us', ''),
    chaos: error(429, 'Too many requests\n', 'wait', ''),
    'internal-error': error(500, 'Internal error\n', 'silence', ''),
  },
  openEvents: null,
}
