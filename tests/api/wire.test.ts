import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { createConnection } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerUnreadable } from '../../src/api/request/unreadable.ts'
import { type HttpServer, startHttpServer } from '../../src/core/process/http/http-server.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type App, type Registered, register } from './api-client.ts'

let database: TestDatabase
let app: App
let server: HttpServer
let user: Registered

beforeAll(async () => {
  database = await createTestDatabase()
  app = await createTestApi(database)
  server = await startHttpServer(
    { fetch: app.fetch, onUnreadable: answerUnreadable },
    { host: '127.0.0.1', port: 0, keepAliveSeconds: 65 },
  )
  user = await register(app, 'ada@example.com')
})
afterAll(async () => {
  await server.close()
  await database.drop()
})

/** Sends bytes as they are and gives all that comes back until the server, or `connection: close`, ends it. */
const speak = async (...lines: string[]): Promise<string> => {
  const socket = createConnection(server.port, '127.0.0.1').setEncoding('utf8')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {})
  socket.write(lines.join('\r\n'))
  await once(socket, 'close')
  return answer
}
const bodyOf = (answer: string) => answer.slice(answer.indexOf('\r\n\r\n') + 4)

const get = (...headers: string[]) =>
  speak(
    `GET /v1/users/${user.id} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    'X-Request-Id: same',
    ...headers,
    '',
    '',
  )

describe('Authorization', () => {
  test('once is read', async () => {
    expect(await get(`Authorization: ${basic('ada@example.com')}`)).toMatch(/^HTTP\/1.1 200 /)
  })

  test('twice is the one 401, even when the first or both are right', async () => {
    const right = `Authorization: ${basic('ada@example.com')}`
    const wrong = `authorization: ${basic('ada@example.com', 'wrong password')}`
    const model = await get(wrong)
    for (const headers of [
      [right, wrong],
      [wrong, right],
      [right, right.toLowerCase().replace(/ .*/, right.slice(14))],
    ]) {
      const answer = await get(...headers)
      expect(answer).toMatch(/^HTTP\/1.1 401 /)
      expect(bodyOf(answer)).toBe(bodyOf(model))
    }
  })
})

describe('bodies', () => {
  const url = () => `http://127.0.0.1:${server.port}/v1/users`
  const headers = { 'content-type': 'application/json' }

  test('a small one is taken', async () => {
    expect((await fetch(url(), post({ email: 'ada@example.com', password: PASSWORD }))).status).toBe(202)
  })

  test('5 KiB are 413, and the connection may be used again', async () => {
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(url(), { method: 'POST', headers, body: 'x'.repeat(5000) })
      expect([answer.status, answer.headers.get('content-type')]).toEqual([413, 'application/problem+json'])
      await answer.body?.cancel()
    }
    expect((await fetch(url(), post({}))).status).toBe(422)
  })

  test.each(['with its length', 'in chunks'])('20 MiB %s are 413, not a broken connection', async (how) => {
    const mega = Buffer.alloc(20 * 1024 * 1024, 'x')
    const body = how === 'in chunks' ? new Blob([mega]).stream() : mega
    const answer = await fetch(url(), { method: 'POST', headers, body, duplex: 'half' })
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject({ type: '/problems/payload-too-large' })
  })

  test('a body that announces too much is refused before it comes', async () => {
    const call = httpRequest(url(), { method: 'POST', headers: { ...headers, 'content-length': '1000000' } })
    call.on('error', () => {})
    call.flushHeaders()
    const [answer] = await once(call, 'response')
    expect(answer.statusCode).toBe(413)
    call.destroy()
  })
})

describe('what is hardly HTTP', () => {
  test.each([
    ['two lengths', ['POST /v1/users HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Content-Length: 3', '', '{}']],
    [
      'length and chunks',
      ['POST /v1/users HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Transfer-Encoding: chunked', '', '0', '', ''],
    ],
    ['no host', ['GET /livez HTTP/1.1', '', '']],
    ['no HTTP', ['hello', '', '']],
  ])('%s is a 400 or the end of the connection', async (_, lines) => {
    expect(await speak(...lines)).toMatch(/^(HTTP\/1.1 400 |$)/)
  })

  test.each([
    ['an odd host', ['GET /livez HTTP/1.1', 'Host: a b', 'Connection: close', '', '']],
    ['an absolute target', ['GET http://evil.example/livez HTTP/1.1', 'Host: a', 'Connection: close', '', '']],
    ['a target with two slashes', ['GET //evil.example/livez HTTP/1.1', 'Host: a', 'Connection: close', '', '']],
  ])('%s gets an answer with a request id and without a stack', async (_, lines) => {
    const answer = await speak(...lines)
    expect(answer).toMatch(/^HTTP\/1.1 [24]\d\d /)
    expect(answer).toMatch(/^x-request-id: ./im)
    expect(answer).not.toMatch(/\n\s+at /)
  })
})

test('an answer to a body that is too large ends the connection, so that no other request is lost on it', async () => {
  const answer = await speak(
    'POST /v1/users HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    'Content-Length: 1000000',
    '',
    '{',
  )
  expect(answer).toMatch(/^HTTP\/1.1 413 /)
  expect(answer).toMatch(/^connection: close/im)
})

test.each([
  ['what is no HTTP', 400, ['hello', '', '']],
  ['an unknown method', 400, ['FOO / HTTP/1.1', 'Host: localhost', '', '']],
  ['too large a header', 431, ['GET / HTTP/1.1', `X-Large: ${'x'.repeat(20_000)}`, '', '']],
])('%s gets a problem document with status %i', async (_, status, lines) => {
  const answer = await speak(...lines)
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(answer).toMatch(/^x-request-id: ./im)
  expect(answer).toMatch(/^cache-control: no-store/im)
  expect(JSON.parse(bodyOf(answer))).toMatchObject({ type: '/problems/malformed-request', status })
})
