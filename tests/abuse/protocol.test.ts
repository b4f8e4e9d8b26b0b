import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PASSWORD } from '../support/api.ts'
import { expectOwnAnswer, expectRawProblem, type Service, startService } from './service.ts'
import { get, postOf, speak } from './speak.ts'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

const LIVEZ = get('GET /livez HTTP/1.1')
const bodyOf = (email: string) => JSON.stringify({ email, password: PASSWORD })
const GOOD = bodyOf('ada@example.com')
const lines = (...all: string[]) => all.join('\r\n')
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: 1`)
const chunked = (...body: string[]) =>
  lines(
    ...['POST /v1/users HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Transfer-Encoding: chunked'],
    '',
    ...body,
  )
const framed = (...headers: string[]) =>
  lines('POST /v1/users HTTP/1.1', 'Host: a', 'Content-Type: application/json', ...headers, '', '{}')

type Row = [attack: string, bytes: string | Buffer, status?: number]

const HOSTS: Row[] = [
  ['no Host', lines('GET /livez HTTP/1.1', '', '')],
  ['an empty Host', lines('GET /livez HTTP/1.1', 'Host:', '', '')],
  ['two Hosts', get('GET /livez HTTP/1.1', 'Host: evil.example')],
  ['one Host twice', get('GET /livez HTTP/1.1', 'Host: latchkey')],
  ['a Host with a space', lines('GET /livez HTTP/1.1', 'Host: a b', '', '')],
  ['a Host with a path', lines('GET /livez HTTP/1.1', 'Host: a/../b', '', '')],
  ['a Host with a user', lines('GET /livez HTTP/1.1', 'Host: user@a', '', '')],
  ['a Host with a port that is none', lines('GET /livez HTTP/1.1', 'Host: a:99999', '', '')],
  ['a Host with an escape', lines('GET /livez HTTP/1.1', 'Host: a%00', '', '')],
]

const FRAMING: Row[] = [
  ['a length and chunks', chunked('0', '', '').replace('Host: a', 'Host: a\r\nContent-Length: 5')],
  ['two lengths', framed('Content-Length: 2', 'Content-Length: 3')],
  ['one length twice', framed('Content-Length: 2', 'Content-Length: 2')],
  ['a list of lengths', framed('Content-Length: 2, 2')],
  ['a negative length', framed('Content-Length: -1')],
  ['a length with a sign', framed('Content-Length: +2')],
  ['a length in hexadecimal', framed('Content-Length: 0x2')],
  ['a length beyond all numbers', framed('Content-Length: 99999999999999999999999')],
  ['a transfer coding that is not known', framed('Transfer-Encoding: xchunked')],
  ['chunks that are not last', framed('Transfer-Encoding: chunked, identity')],
  ['two transfer codings', framed('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')],
  [
    'a compressing transfer coding',
    framed('Transfer-Encoding: gzip, chunked').replace('{}', '2\r\n{}\r\n0\r\n\r\n'),
    501,
  ],
  ['a space before the colon', framed('Transfer-Encoding : chunked')],
  ['a chunk size that is no number', chunked('zz', '')],
  ['a negative chunk size', chunked('-1', '')],
  ['a chunk size beyond all numbers', chunked('ffffffffffffffffff', '')],
  ['a chunk longer than it says', chunked('1', GOOD, '')],
  ['a chunk extension without end', chunked(`2;${'a'.repeat(20_000)}`, '{}', '0', '', '')],
]

const HEADS: Row[] = [
  ['bare line feeds', 'GET /livez HTTP/1.1\nHost: a\n\n'],
  ['bare carriage returns', 'GET /livez HTTP/1.1\rHost: a\r\r'],
  ['a folded header', get('GET /livez HTTP/1.1', 'X-A: b', ' c')],
  ['a header without a colon', get('GET /livez HTTP/1.1', 'nothing')],
  ['a header without a name', get('GET /livez HTTP/1.1', ': nothing')],
  ['a header name with brackets', get('GET /livez HTTP/1.1', 'X(A): b')],
  ['a NUL in a header', get('GET /livez HTTP/1.1', 'X-A: a\0b')],
  ['a carriage return in a header', get('GET /livez HTTP/1.1', 'X-A: a\rSet-Cookie: b')],
  ['65 headers', get('GET /livez HTTP/1.1', ...numbered(64)), 431],
  ['2000 headers', get('GET /livez HTTP/1.1', ...numbered(2000)), 431],
  [
    'credentials behind a hundred headers',
    get('GET /livez HTTP/1.1', ...numbered(100), 'Authorization: Basic YTpi'),
    431,
  ],
  ['a header of 20 KB', get('GET /livez HTTP/1.1', `X-Large: ${'x'.repeat(20_000)}`), 431],
  ['what is no HTTP', 'hello\r\n\r\n'],
  ['a TLS greeting', Buffer.from('16030100f8010000f40303', 'hex')],
  ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['bytes of every kind', Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 37) % 256))],
  ['HTTP/0.9', 'GET /livez\r\n\r\n', 505],
  ['HTTP/2.0 in a request line', get('GET /livez HTTP/2.0'), 505],
  ['HTTP/1.2', get('GET /livez HTTP/1.2')],
  ['an expectation that nobody knows', postOf('/v1/users', GOOD, 'Expect: tea'), 417],
  ['an expectation beside the known one', postOf('/v1/users', GOOD, 'Expect: 100-continue, tea'), 417],
]

test.each([...HOSTS, ...FRAMING, ...HEADS])('%s is refused with a problem document', async (_, bytes, status = 400) => {
  const { answers } = await speak(service.url, bytes)
  expect(answers).toHaveLength(1)
  expectRawProblem(answers[0], status, 'malformed-request')
})

test('nothing of all that was ever stored', async () => {
  expect((await service.database.pool.query('select 1 from users')).rowCount).toBe(0)
})

test.each<[string, string | Buffer, number]>([
  ['HTTP/1.0 without a Host, as old health checks speak', 'GET /livez HTTP/1.0\r\n\r\n', 200],
  ['an offer of WebSocket', get('GET /livez HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket'), 200],
  ['an offer of HTTP/2', get('GET /livez HTTP/1.1', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c'), 200],
  ['empty lines before the request', `\r\n\r\n${LIVEZ}`, 200],
  ['a GET with a body', `${get('GET /livez HTTP/1.1', 'Content-Length: 5')}hello`, 200],
  ['a body in single bytes', chunked(...[...GOOD].flatMap((letter) => ['1', letter]), '0', '', ''), 202],
  [
    'headers with the names of prototypes',
    postOf('/v1/users', GOOD, '__proto__: x', 'constructor: y', 'toString: z'),
    202,
  ],
  ['trailers with credentials', chunked('2', '{}', '0', 'Authorization: Basic YTpi', '', ''), 422],
])('%s is answered as any other', async (_, bytes, status) => {
  const { answers } = await speak(service.url, bytes)
  expect(answers.map((answer) => answer.status)).toEqual([status])
  for (const answer of answers) expectOwnAnswer(answer)
})

describe('Expect: 100-continue', () => {
  const head = (length: number, type: string) =>
    get('POST /v1/users HTTP/1.1', `Content-Type: ${type}`, `Content-Length: ${length}`, 'Expect: 100-continue')

  test('invites a body that will be read', async () => {
    const { answers } = await speak(service.url, postOf('/v1/users', GOOD, 'Expect: 100-continue'), { answers: 2 })
    expect(answers.map(({ status }) => status)).toEqual([100, 202])
  })

  test.each([
    ['is too large', head(100_000, 'application/json'), 413, 'payload-too-large'],
    ['has the wrong type', head(10, 'text/plain'), 415, 'unsupported-media-type'],
  ])('invites no body that %s, and ends the connection', async (_, bytes, status, slug) => {
    const { answers, isClosed } = await speak(service.url, bytes, { answers: 2 })
    expect(answers).toHaveLength(1)
    expectRawProblem(answers[0], status, slug)
    expect(isClosed).toBe(true)
  })
})

describe('several requests in one packet', () => {
  test('are answered one by one, a thousand of them', async () => {
    const { answers } = await speak(service.url, LIVEZ.repeat(1000), { answers: 1000 })
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1000)
    expect(new Set(answers.map(({ headers }) => headers['x-request-id'])).size).toBe(1000)
  })

  test('a slow one first: the quick one does not overtake', async () => {
    const both = Buffer.concat([postOf('/v1/users', bodyOf('slow@example.com')), Buffer.from(LIVEZ)])
    const { answers } = await speak(service.url, both, { answers: 2 })
    expect(answers.map(({ status }) => status)).toEqual([202, 200])
  })

  test('rubbish behind a good request is refused after that one is answered', async () => {
    const both = Buffer.concat([postOf('/v1/users', bodyOf('before@example.com')), Buffer.from('rubbish\r\n\r\n')])
    const { answers, isClosed } = await speak(service.url, both, { answers: 3 })
    expect(answers.map(({ status }) => status)).toEqual([202, 400])
    expect(isClosed).toBe(true)
  })

  test('a request smuggled in a body that is too large is not answered', async () => {
    const smuggled = postOf('/v1/users', `${'x'.repeat(5000)}${LIVEZ}`)
    const { answers, isClosed } = await speak(service.url, smuggled, { answers: 2 })
    expect(answers.map(({ status }) => status)).toEqual([413])
    expect(isClosed).toBe(true)
  })

  test('a request smuggled behind a length and chunks is not answered', async () => {
    const bytes = `${chunked('0', '', '').replace('Host: a', 'Host: a\r\nContent-Length: 5')}${LIVEZ}`
    const { answers, isClosed } = await speak(service.url, bytes, { answers: 2 })
    expect(answers.map(({ status }) => status)).toEqual([400])
    expect(isClosed).toBe(true)
  })
})
