import { readJson } from '../read-json.ts'
import type { DocumentedError, ProviderFacts } from './provider-facts.ts'

const API = 'https://mailpit.axllent.org/docs/api-v1/view.html#post-/api/v1/send'

const error = (status: number, body: unknown, means: DocumentedError['means'], word: string): DocumentedError => ({
  status,
  body,
  document: API,
  means,
  word: `mailpit-${status}${word}`,
})

export const mailpit: ProviderFacts = {
  path: '/api/v1/send',
  isAuthentic: (headers, apiKey) =>
    !apiKey.includes(':') || headers.get('authorization') === `Basic ${Buffer.from(apiKey).toString('base64')}`,
  read: (body) => {
    const mail = readJson(body)
    if (typeof mail !== 'object' || mail === null || !('To' in mail)) return null
    const { From, To, Subject, Text, HTML, Headers } = Object.assign(Object.create(null), mail)
    return {
      from: From?.Name ? `${From.Name} <${From.Email}>` : From?.Email,
      to: To.map((one: { Email: string }) => one.Email),
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
}
