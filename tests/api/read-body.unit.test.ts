import fc from 'fast-check'
import { Hono } from 'hono'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { problemResponse, RequestRefused } from '../../src/api/answers/problems.ts'
import { checkMediaType, readBody, readBytes } from '../../src/api/request/read-body.ts'

const app = new Hono()
app.post('/', async (c) => {
  checkMediaType(c)
  return c.json(await readBody(c, v.strictObject({ name: v.string('must be a string') })))
})
app.post('/bytes', async (c) => c.json((await readBytes(c, 10)).length))
app.onError((error, c) => {
  if (error instanceof RequestRefused) return problemResponse(c, error.slug, error.details)
  throw error
})
const send = (body: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
  app.request('/', { method: 'POST', body, headers: { 'content-type': type } })

test('any string comes through as it was sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (name) => {
      const answer = await send(JSON.stringify({ name }))
      expect(await answer.json()).toEqual({ name })
    }),
  )
})

test('any bytes are answered, and never with a fault of ours', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      expect((await send(new Uint8Array(bytes))).status).toBe(400)
    }),
  )
})

test('any JSON that is not the wanted object is refused as 400 or 422', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), async (body) => {
      fc.pre(!/^\{"name":"[^"]*"\}$/.test(body))
      expect([400, 422]).toContain((await send(body)).status)
    }),
  )
})

test('a member that is named twice is refused, however it is escaped', async () => {
  const escaped = (name: string) =>
    [...name].map((letter) => `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`).join('')
  await fc.assert(
    fc.asyncProperty(fc.stringMatching(/^[a-z_]{1,12}$/), async (name) => {
      expect((await send(`{"${name}":1,"${escaped(name)}":2}`)).status).toBe(400)
      expect((await send(`{"name":{"${escaped(name)}":1,"${name}":1}}`)).status).toBe(400)
    }),
  )
})

test('the same name in two objects is no duplicate', async () => {
  const answer = await send('{"name":[{"a":1},{"a":1}],"a":{"name":1}}')
  expect(answer.status).toBe(422)
})

test('a pointer leads to the faulty member', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1 }), async (name) => {
      fc.pre(name !== 'name')
      const answer = await send(JSON.stringify({ name: 'x', [name]: 1 }))
      const { errors } = v.parse(v.object({ errors: v.array(v.object({ pointer: v.string() })) }), await answer.json())
      const unescaped = errors.map(({ pointer }) => pointer.slice(2).replaceAll('~1', '/').replaceAll('~0', '~'))
      expect(unescaped).toEqual([name])
    }),
  )
})

test.each([
  'application/json',
  'APPLICATION/JSON',
  'application/json;charset=utf-8',
  'application/json ; charset="utf-8"',
  'application/json; charset=UTF-8',
  'application/json;  charset  =  utf8 ; x=1',
  'application/json;charset="utf8" ;charset="utf-8"',
  'application/json; x=1; xcharset=latin1; charset=latin"1"; charset',
])('%s is plain JSON', async (type) => {
  expect((await send('{"name":"x"}', type)).status).toBe(200)
})

test.each([
  'text/json',
  'application/jsonx',
  'xapplication/json',
  'application/json; charset=latin1',
  'application/json; charset="latin1"; charset=utf-8',
  'application/json; charset=utf-8; charset = latin1',
  'application/json; charset=',
  'application/json;charset=latin1',
  'application/json/x',
  'application/merge-patch+json',
  'multipart/form-data; boundary=x',
  '*/*',
  'application/json,application/json',
])('%s is not', async (type) => {
  expect((await send('{"name":"x"}', type)).status).toBe(415)
})

test.each([
  ['identity', 200],
  ['Identity', 200],
  ['gzip', 415],
])('a content encoding of %s is answered with %i', async (encoding, status) => {
  const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
  expect((await app.request('/', { method: 'POST', body: '{"name":"x"}', headers })).status).toBe(status)
})

test('a body of no type is not plain JSON', async () => {
  // Bytes, as a string would get a content type of its own.
  expect((await app.request('/', { method: 'POST', body: Buffer.from('{"name":"x"}') })).status).toBe(415)
})

test.each([
  ['[', 400, { detail: 'The body is not JSON in UTF-8.' }],
  [new Uint8Array([0xff]), 400, { detail: 'The body is not JSON in UTF-8.' }],
  ['{"name":"', 400, { detail: 'The body is not JSON in UTF-8.' }],
  [Buffer.from('{"name":"é"}', 'latin1'), 400, { detail: 'The body is not JSON in UTF-8.' }],
  ['[]', 400, { detail: 'The body is not a JSON object.' }],
  ['1', 400, { detail: 'The body is not a JSON object.' }],
  ['null', 400, { detail: 'The body is not a JSON object.' }],
  ['{"name":"x","name":"y"}', 400, { detail: 'The body names a member twice.' }],
  ['{}', 422, { errors: [{ pointer: '#/name', detail: 'is required' }] }],
  ['{"name":1}', 422, { errors: [{ pointer: '#/name', detail: 'must be a string' }] }],
  ['{"name":"x","a":1}', 422, { errors: [{ pointer: '#/a', detail: 'is not a member of this request' }] }],
  [
    '{"~/a":1,"name":1,"toString":1}',
    422,
    {
      errors: [
        { pointer: '#/name', detail: 'must be a string' },
        { pointer: '#/~0~1a', detail: 'is not a member of this request' },
        { pointer: '#/toString', detail: 'is not a member of this request' },
      ],
    },
  ],
])('%s is refused with what is wrong', async (body, status, problem) => {
  const answer = await send(body)
  expect(answer.status).toBe(status)
  expect(await answer.json()).toMatchObject(problem)
})

test.each([
  ['announced', (bytes: number) => String(bytes)],
  ['announced as smaller', () => '5'],
  ['not announced', () => null],
])('a body that is %s may have 4,096 bytes; past that its connection ends', async (_, announce) => {
  for (const bytes of [4096, 4097]) {
    const length = announce(bytes)
    const headers = { 'content-type': 'application/json', ...(length !== null && { 'content-length': length }) }
    const answer = await app.request('/', { method: 'POST', body: '{"name":"x"}'.padEnd(bytes), headers })
    const isTooLarge = bytes > 4096
    expect(answer.status).toBe(isTooLarge ? 413 : 200)
    expect(answer.headers.get('Connection')).toBe(isTooLarge ? 'close' : null)
  }
})

test('what announces itself as too large is refused as such, whatever it is, and not begun', async () => {
  const headers = { 'content-type': 'text/plain', 'content-length': '4097' }
  expect((await app.request('/', { method: 'POST', body: 'x', headers })).status).toBe(413)
  const bytes = (length: string) =>
    app.request('/bytes', { method: 'POST', body: '12345', headers: { 'content-length': length } })
  expect([(await bytes('10')).status, (await bytes('11')).status]).toEqual([200, 413])
})

test('a body that was not announced is read in pieces, and no further than it may be long', async () => {
  const stream = (pieces: Iterable<string>) => {
    const body = ReadableStream.from(pieces).pipeThrough(new TextEncoderStream())
    return app.request(new Request('http://localhost/bytes', { method: 'POST', body, duplex: 'half' }))
  }
  expect(await (await stream(['123', '4567', '890'])).json()).toBe(10)
  const endless = function* () {
    while (true) yield '123'
  }
  expect((await stream(endless())).status).toBe(413)
})

test('no body is one of no bytes', async () => {
  expect(await (await app.request('/bytes', { method: 'POST' })).json()).toBe(0)
})
