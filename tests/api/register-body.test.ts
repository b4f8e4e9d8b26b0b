import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createTestApi, PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { type App, count, expectProblem } from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})
afterEach(async () => void (await database.pool.query('delete from users')))

const GOOD = { email: 'ada@example.com', password: PASSWORD }
const json = { 'content-type': 'application/json' }
const send = (body: string | Buffer<ArrayBuffer> | null, headers: Record<string, string> = json) =>
  app.request('/v1/users', { method: 'POST', headers, body })
const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part)))

describe('a body that cannot be read', () => {
  test.each([
    { why: 'is missing', body: null },
    { why: 'is empty', body: '' },
    { why: 'is no JSON', body: '{"email":' },
    { why: 'has single quotes', body: "{'email': 'a'}" },
    { why: 'has a comment', body: `/* x */${JSON.stringify(GOOD)}` },
    { why: 'has a trailing comma', body: `{"email":"ada@example.com","password":"${PASSWORD}",}` },
    { why: 'has something after it', body: `${JSON.stringify(GOOD)}{}` },
    {
      why: 'begins with two byte order marks',
      body: bytes([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], JSON.stringify(GOOD)),
    },
    { why: 'is UTF-16', body: Buffer.from(JSON.stringify(GOOD), 'utf16le') },
    { why: 'is not UTF-8', body: bytes('{"email":"ada@example.com","password":"', [0xc3, 0x28], 'longenough"}') },
    { why: 'has an overlong sequence', body: bytes('{"email":"', [0xc0, 0xaf], '","password":"x"}') },
    { why: 'has a surrogate in UTF-8', body: bytes('{"email":"', [0xed, 0xa0, 0x80], '","password":"x"}') },
    { why: 'is a list', body: JSON.stringify([GOOD]) },
    { why: 'is null', body: 'null' },
    { why: 'is a string', body: '"ada@example.com"' },
    { why: 'is a number', body: '1' },
    { why: 'is a form', body: 'email=ada@example.com' },
    { why: 'is nested without end', body: '['.repeat(4000) },
    { why: 'has a control character in a string', body: '{"email":"a\nb","password":"x"}' },
  ])('that $why is refused with 400 and stores nothing', async ({ body }) => {
    await expectProblem(await send(body), 'malformed-request')
    expect(await count(database, 'users')).toBe(0)
  })

  test.each([
    { why: 'twice', body: `{"email":"a@example.com","email":"ada@example.com","password":"${PASSWORD}"}` },
    { why: 'twice with one value', body: `{"email":"a@example.com","email":"a@example.com","password":"${PASSWORD}"}` },
    {
      why: 'again in escapes',
      body: `{"email":"a@example.com","\\u0065mail":"b@example.com","password":"${PASSWORD}"}`,
    },
    { why: 'twice in a nested object', body: `{"email":{"a":1,"a":2},"password":"${PASSWORD}"}` },
    { why: 'twice deep in a list', body: `{"email":[[{"a":{"b":1,"b":1}}]],"password":"${PASSWORD}"}` },
    { why: '__proto__ twice', body: `{"__proto__":1,"__proto__":2,"email":"a@example.com","password":"x"}` },
  ])('that names a member $why is refused with 400', async ({ body }) => {
    await expectProblem(await send(body), 'malformed-request')
    expect(await count(database, 'users')).toBe(0)
  })
})

describe('media types', () => {
  test.each([
    {},
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'application/jsonp' },
    { 'content-type': 'application/problem+json' },
    { 'content-type': 'application/json, text/plain' },
    { 'content-type': 'application/json; charset=iso-8859-1' },
    { 'content-type': 'application/json; charset=utf-16' },
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    { 'content-type': 'application/json', 'content-encoding': 'br' },
    { 'content-type': 'application/json', 'content-encoding': 'identity, gzip' },
  ])('%j is refused with 415', async (headers) => {
    // Bytes, as a string would get a content type of its own.
    await expectProblem(await send(Buffer.from(JSON.stringify(GOOD)), headers), 'unsupported-media-type')
    expect(await count(database, 'users')).toBe(0)
  })

  test.each([
    { 'content-type': 'application/json' },
    { 'content-type': 'Application/JSON' },
    { 'content-type': 'application/json; charset=utf-8' },
    { 'content-type': 'application/json;charset="UTF-8"' },
    { 'content-type': 'application/json; charset=utf8' },
    { 'content-type': 'application/json; charset="UTF8"; profile=x' },
    { 'content-type': 'application/json', 'content-encoding': 'identity' },
  ])('%j is taken', async (headers) => {
    expect((await send(JSON.stringify(GOOD), headers)).status).toBe(202)
  })
})

test('a byte order mark before a body is harmless', async () => {
  expect((await send(bytes([0xef, 0xbb, 0xbf], JSON.stringify(GOOD)))).status).toBe(202)
})

describe('size', () => {
  const ofSize = (size: number) => JSON.stringify(GOOD).padEnd(size, ' ')
  const streamed = (size: number) =>
    new Request('http://localhost/v1/users', {
      method: 'POST',
      headers: json,
      body: new Blob([ofSize(size)]).stream(),
      duplex: 'half',
    })

  test('4 KiB are taken, one byte more is refused with 413', async () => {
    expect((await send(ofSize(4096))).status).toBe(202)
    await expectProblem(await send(ofSize(4097)), 'payload-too-large')
  })

  test('a content-length over 4 KiB is refused before the body is read', async () => {
    const answer = await send('{}', { ...json, 'content-length': '4097' })
    await expectProblem(answer, 'payload-too-large')
  })

  test('a stream is counted as it comes', async () => {
    expect((await app.request(streamed(4096))).status).toBe(202)
    await expectProblem(await app.request(streamed(100_000)), 'payload-too-large')
  })

  test('a body that is both too large and not JSON is too large', async () => {
    const headers = { 'content-type': 'text/plain', 'content-length': '5000' }
    await expectProblem(await send('x'.repeat(5000), headers), 'payload-too-large')
  })
})

describe('members', () => {
  const pointers = async (body: unknown) => {
    const problem = await expectProblem(await app.request('/v1/users', post(body)), 'invalid-input')
    expect(await count(database, 'users')).toBe(0)
    for (const { detail } of problem.errors ?? []) expect(detail).toMatch(/\S/)
    return (problem.errors ?? []).map(({ pointer }) => pointer)
  }

  test.each(['name', 'Email', '', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype'])(
    'an unknown member %j is refused by its pointer',
    async (name) => {
      expect(await pointers(`{"email":"a@example.com","password":"${PASSWORD}",${JSON.stringify(name)}:1}`)).toEqual([
        `#/${name}`,
      ])
    },
  )

  test('a __proto__ with the missing member in it is no member', async () => {
    const found = await pointers(`{"email":"a@example.com","__proto__":{"password":"${PASSWORD}"}}`)
    expect(found).toContain('#/password')
  })

  test.each([
    { name: 'a/b', pointer: '#/a~1b' },
    { name: 'm~n', pointer: '#/m~0n' },
  ])('the pointer of $name is $pointer', async ({ name, pointer }) => {
    expect(await pointers({ ...GOOD, [name]: 1 })).toEqual([pointer])
  })

  test('every fault is named at once', async () => {
    expect((await pointers({ email: 'nobody', password: 'short' })).toSorted()).toEqual(['#/email', '#/password'])
    expect((await pointers({})).toSorted()).toEqual(['#/email', '#/password'])
  })

  test('every unknown member is named, beside what is wrong with the known ones', async () => {
    const found = await pointers({ one: 1, email: 'nobody', two: { three: 3 }, password: 'short', constructor: 4 })
    expect(found.toSorted()).toEqual(['#/constructor', '#/email', '#/one', '#/password', '#/two'])
    expect(await pointers({ email: 'ada@example.com', password: 'ada@example.com', one: 1 })).toContain('#/password')
  })

  test.each([null, 1, true, [], {}, ['ada@example.com'], { a: 'b' }])(
    '%j is neither an address nor a password',
    async (value) => {
      expect(await pointers({ ...GOOD, email: value })).toEqual(['#/email'])
      expect(await pointers({ ...GOOD, password: value })).toEqual(['#/password'])
    },
  )

  test('no problem repeats the password', async () => {
    const answer = await app.request('/v1/users', post({ email: 'x', password: 'pa$$w0rd-0f-ada', more: 'pa$$w0rd' }))
    expect(await answer.text()).not.toContain('pa$$w0rd')
  })
})
