import fc from 'fast-check'
import { basic, PASSWORD } from '../support/api.ts'

/** What is done, to whom, and how it is malformed, as plain data: the same for the same seed. */
export type Recipe = {
  action: 'register' | 'status' | 'resend' | 'activate' | 'guess' | 'page'
  /** Picks one of the people that are there. */
  person: number
  email: string
  password: string
  page: string
  method: string | null
  path: string | null
  credentials: string | null
  body: string | null
  headers: string[]
  edits: Edit[]
  /** Where the bytes are parted into two packets, as a share of them. */
  parted: number
  ending: 'wait' | 'half-close' | 'reset'
}

export type Edit = { kind: 'flip' | 'insert' | 'remove' | 'repeat'; at: number; size: number; bytes: Uint8Array }

/** Mostly null; once in so many times a value. */
const sometimes = <Value>(arbitrary: fc.Arbitrary<Value>, times: number): fc.Arbitrary<Value | null> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.string())

const emails = fc.oneof(
  { weight: 4, arbitrary: fc.nat(200).map((number) => `person${number}@example.com`) },
  fc.nat(20).map((number) => `person${number}+tag${number % 3}@example.com`),
  fc.emailAddress(),
  text,
)

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY',
  'get',
  '__proto__',
]

const PAGES = [
  '/',
  '/livez',
  '/readyz',
  '/docs',
  '/docs/start.js',
  '/openapi.json',
  '/problems/internal',
  '/problems/__proto__',
  '/metrics',
]

const paths = fc.oneof(
  fc.webPath(),
  fc.constantFrom(
    '*',
    '//',
    '/v1/users/../users',
    '/v1/users/%2e%2e',
    'http://a/livez',
    'http://a:b@c/livez',
    '/\\',
    '/%',
  ),
  fc.string({ unit: 'grapheme-ascii' }).map((path) => `/${path}`),
  fc.uuid().map((id) => `/v1/users/${id}`),
  text.map((id) => `/v1/users/${encodeURIComponent(id.toWellFormed())}/activation`),
)

const credentials = fc.oneof(
  fc.tuple(emails, text).map(([email, password]) => basic(email, password)),
  fc.uint8Array().map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
  text,
)

const bodies = fc.oneof(
  fc.json(),
  text,
  fc.record({ email: emails, password: text }).map((body) => JSON.stringify(body)),
  fc.record({ code: fc.oneof(text, fc.jsonValue()) }).map((body) => JSON.stringify(body)),
  fc.constantFrom(
    '[',
    '{"__proto__":{}}',
    '{"email":1,"email":2}',
    '{"code":"\\ud800"}',
    '9'.repeat(3000),
    ' '.repeat(4097),
  ),
)

const headers = fc.oneof(
  fc.constantFrom(
    ...[
      'Host: b',
      'Host:',
      'Expect: 100-continue',
      'Expect: tea',
      'Connection: close',
      'Connection: upgrade',
      'Upgrade: h2c',
    ],
    ...[
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: gzip',
      'Content-Length: 0',
      'Content-Length: 99999',
      'Content-Encoding: gzip',
    ],
    ...[
      'Content-Type: text/plain',
      'Content-Type: application/json; charset=utf-16',
      'X-Forwarded-For: 1.2.3.4',
      '__proto__: x',
    ],
    ...[
      'Accept: text/html',
      'Accept: ;;q=x,',
      'Range: bytes=0-1',
      'If-None-Match: *',
      'X-HTTP-Method-Override: DELETE',
      'TE: trailers',
    ],
  ),
  text.map((key) => `Idempotency-Key: ${key}`),
  fc.nat(20).map((key) => `Idempotency-Key: key-${key}`),
  text.map((id) => `X-Request-Id: ${id}`),
  fc.tuple(fc.stringMatching(/^[A-Za-z-]{1,20}$/), text).map(([name, value]) => `${name}: ${value}`),
)

const edits = fc.record({
  kind: fc.constantFrom('flip' as const, 'insert' as const, 'remove' as const, 'repeat' as const),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  size: fc.integer({ min: 1, max: 64 }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
})

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  action: fc.constantFrom('register', 'register', 'status', 'resend', 'activate', 'guess', 'page'),
  person: fc.nat(),
  email: emails,
  password: fc.oneof({ weight: 4, arbitrary: fc.constant(PASSWORD) }, text),
  page: fc.constantFrom(...PAGES),
  method: sometimes(fc.constantFrom(...METHODS), 12),
  path: sometimes(paths, 12),
  credentials: sometimes(credentials, 10),
  body: sometimes(bodies, 6),
  headers: fc.oneof({ weight: 4, arbitrary: fc.constant<string[]>([]) }, fc.array(headers, { maxLength: 4 })),
  edits: fc.oneof({ weight: 3, arbitrary: fc.constant<Edit[]>([]) }, fc.array(edits, { minLength: 1, maxLength: 3 })),
  parted: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
  ending: fc.oneof(
    { weight: 10, arbitrary: fc.constant('wait' as const) },
    { weight: 1, arbitrary: fc.constantFrom('half-close' as const, 'reset' as const) },
  ),
})
