import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PASSWORD } from '../support/api.ts'
import { expectOwnAnswer, expectRawProblem, type Service, startService } from './service.ts'
import { get, postOf, speak } from './speak.ts'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

const GOOD = JSON.stringify({ email: 'ada@example.com', password: PASSWORD })
const say = async (bytes: string | Buffer) => (await speak(service.url, bytes)).answers[0]
const send = (body: string | Buffer) => say(postOf('/v1/users', body))
const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part)))
const withMember = (member: string) => GOOD.replace('{', `{${member},`)
const withPassword = (json: string) => `{"email":"ada@example.com","password":${json}}`
const countUsers = async () => (await service.database.pool.query('select 1 from users')).rowCount

const MALFORMED: [attack: string, body: string | Buffer][] = [
  ['nothing', ''],
  ['blanks', '   '],
  ['null', 'null'],
  ['a list', `[${GOOD}]`],
  ['a string', '"ada@example.com"'],
  ['a huge number', '9'.repeat(4000)],
  ['two documents', `${GOOD}${GOOD}`],
  ['a document and a NUL', `${GOOD}\0`],
  ['two byte order marks', bytes([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], GOOD)],
  ['UTF-16', Buffer.from(GOOD, 'utf16le')],
  ['invalid UTF-8', bytes('{"email":"ada@example.com","password":"', [0xc3, 0x28], 'long enough"}')],
  ['overlong UTF-8', bytes('{"email":"ada@example.com","password":"', [0xc0, 0x80], 'long enough"}')],
  ['UTF-8 of a surrogate', bytes('{"email":"ada@example.com","password":"', [0xed, 0xa0, 0x80], 'long enough"}')],
  ['a raw control character', withPassword('"two\nlines of text"')],
  ['a deep list', '['.repeat(4096)],
  ['a deep object', '{"a":'.repeat(800)],
  ['a member twice', withMember('"email":"eve@example.com"')],
  ['a member twice in escapes', withMember('"\\u0065mail":"eve@example.com"')],
  ['__proto__ twice', withMember('"__proto__":{},"__proto__":{}')],
  ['not a number', withMember('"x":NaN')],
  ['a comment', withMember('/* */"x":1')],
]

test.each(MALFORMED)('a body of %s is refused with 400', async (_, body) => {
  expectRawProblem(await send(body), 400, 'malformed-request')
})

const INVALID: [attack: string, body: string, pointer: string][] = [
  ['__proto__', withMember('"__proto__":{"isAdmin":true}'), '#/__proto__'],
  ['constructor', withMember('"constructor":{"prototype":{"isAdmin":true}}'), '#/constructor'],
  ['the members of a prototype', '{"__proto__":{"email":"ada@example.com","password":"correct horse"}}', '#/email'],
  ['a status of one’s own', withMember('"status":"active"'), '#/status'],
  ['an id of one’s own', withMember('"id":"4f6c2d4e-5d0a-4f7e-9d6c-0a7f4f0f6c11"'), '#/id'],
  ['a lone surrogate', withPassword('"lone \\ud800 surrogate"'), '#/password'],
  ['an escaped control character', withPassword('"two\\u0000parts of it"'), '#/password'],
  ['257 code points', withPassword(`"${'🦉'.repeat(257)}"`), '#/password'],
  ['a number beyond all numbers', withPassword('1e400'), '#/password'],
  ['a list that looks like the string', withPassword('["correct horse battery"]'), '#/password'],
  ['an object with toString', withPassword('{"toString":"correct horse"}'), '#/password'],
  ['a header injection', '{"email":"ada@example.com\\r\\nBcc: eve@example.com","password":"correct horse"}', '#/email'],
  ['two addresses', '{"email":"ada@example.com,eve@example.com","password":"correct horse"}', '#/email'],
  ['a list of addresses', '{"email":["ada@example.com","eve@example.com"],"password":"correct horse"}', '#/email'],
  ['an address of 3 KB', `{"email":"${'ü.'.repeat(1000)}@example.com","password":"correct horse"}`, '#/email'],
]

test.each(INVALID)('%s is refused with 422, and its member is named', async (_, body, pointer) => {
  const problem = expectRawProblem(await send(body), 422, 'invalid-input')
  expect(problem.errors?.map((error) => error.pointer)).toContain(pointer)
})

const MEDIA: [attack: string, headers: string[]][] = [
  ['no content type', []],
  ['a form', ['Content-Type: application/x-www-form-urlencoded']],
  ['text, as a page of another site may send', ['Content-Type: text/plain']],
  ['another JSON', ['Content-Type: application/problem+json']],
  ['a list of types', ['Content-Type: application/json, text/plain']],
  ['UTF-7', ['Content-Type: application/json; charset=utf-7']],
  ['UTF-16', ['Content-Type: application/json; charset="utf-16"']],
  ['two charsets', ['Content-Type: application/json; charset=utf-8; charset=utf-16']],
  ['gzip', ['Content-Type: application/json', 'Content-Encoding: gzip']],
  ['brotli', ['Content-Type: application/json', 'Content-Encoding: br']],
  ['two encodings', ['Content-Type: application/json', 'Content-Encoding: identity', 'Content-Encoding: gzip']],
]

test.each(MEDIA)('%s is an unsupported media type', async (_, headers) => {
  const zipped = gzipSync(GOOD)
  const body = headers.some((header) => header.includes('gzip')) ? zipped : Buffer.from(GOOD)
  const head = get('POST /v1/users HTTP/1.1', `Content-Length: ${body.length}`, ...headers)
  expectRawProblem(await say(Buffer.concat([Buffer.from(head), body])), 415, 'unsupported-media-type')
})

test('nothing of all that was stored', async () => {
  expect(await countUsers()).toBe(0)
})

describe('size', () => {
  const inChunks = (size: number) => {
    const body = GOOD.padEnd(size, ' ')
    const pieces = body.match(/.{1,1000}/gs) ?? []
    const head = get('POST /v1/users HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')
    return `${head}${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`
  }

  test.each([
    ['with its length', () => postOf('/v1/users', GOOD.padEnd(4096, ' '))],
    ['in chunks', () => inChunks(4096)],
  ])('4 KiB %s are taken', async (_, request) => {
    const answer = await say(request())
    expect(answer?.status).toBe(202)
    if (answer) expectOwnAnswer(answer)
  })

  test.each([
    ['with its length', () => postOf('/v1/users', GOOD.padEnd(4097, ' '))],
    ['in chunks', () => inChunks(4097)],
    ['only announced', () => get('POST /v1/users HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 4097')],
    ['without an end', () => inChunks(1_000_000).slice(0, -5)],
  ])('one byte more %s is too large', async (_, request) => {
    expectRawProblem(await say(request()), 413, 'payload-too-large')
  })

  test('a length that is shorter than the body does not let the rest in as a request of its own', async () => {
    const body = `{}${get('GET /livez HTTP/1.1')}`
    const lying = get(
      'POST /v1/users HTTP/1.1',
      'Content-Type: application/json',
      'Content-Length: 2',
      'Connection: close',
    )
    const { answers, isClosed } = await speak(service.url, `${lying}${body}`, { answers: 2 })
    expect(answers.map(({ status }) => status)).toEqual([422])
    expect(isClosed).toBe(true)
  })
})

test.each(['', ' ', 'a b', 'ä', 'x'.repeat(256), 'a, b'])('the Idempotency-Key %.20j is refused', async (key) => {
  expectRawProblem(await say(postOf('/v1/users', GOOD, `Idempotency-Key: ${key}`)), 422, 'invalid-input')
})

test('of two Idempotency-Keys none is chosen', async () => {
  const answer = await say(postOf('/v1/users', GOOD, 'Idempotency-Key: a', 'Idempotency-Key: b'))
  expectRawProblem(answer, 422, 'invalid-input')
})

test.each(['x'.repeat(65), 'a b', '<script>', 'a\tb', '{"a":1}', 'ä'])(
  'the X-Request-Id %.20j is not given back',
  async (id) => {
    const answer = await say(get('GET /livez HTTP/1.1', `X-Request-Id: ${id}`))
    expect(answer?.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  },
)
