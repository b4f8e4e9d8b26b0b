import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PASSWORD } from '../support/api.ts'
import { expectOwnAnswer, expectRawProblem, type Service, startService } from './service.ts'
import { get, type Heard, listen, openSocket, postOf, speak } from './speak.ts'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

const LIVEZ = get('GET /livez HTTP/1.1')
const BODY = JSON.stringify({ email: 'ada@example.com', password: PASSWORD })
const POST_HEAD = get('POST /v1/users HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 1000')
const CHUNKED_HEAD = get('POST /v1/users HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')

/** Writes a start, then a piece each half second for as long as the connection is writable. */
const drip = async (start: string, piece: string) => {
  const socket = await openSocket(service.url)
  const heard = listen(socket, Number.POSITIVE_INFINITY)
  socket.write(start)
  while (socket.writable) {
    await Promise.race([sleep(500), heard])
    if (piece !== '' && socket.writable) socket.write(piece)
  }
  return heard
}

const SLOW: { how: string; start: string; piece: string }[] = [
  { how: 'says nothing', start: '', piece: '' },
  { how: 'begins a request line and stops', start: 'GET /liv', piece: '' },
  { how: 'sends its headers letter by letter', start: 'GET /livez HTTP/1.1\r\nX-A: ', piece: 'a' },
  { how: 'sends header after header', start: 'GET /livez HTTP/1.1\r\n', piece: 'X-A: a\r\n' },
  { how: 'announces a body and sends none', start: POST_HEAD, piece: '' },
  { how: 'sends its body letter by letter', start: POST_HEAD, piece: 'x' },
  { how: 'sends its body in single chunks', start: CHUNKED_HEAD, piece: '1\r\n \r\n' },
  { how: 'begins another request after an answer', start: `${LIVEZ}GET /liv`, piece: '' },
]

describe('a client is waited for in seconds', () => {
  let heard: Map<string, Promise<Heard>>
  let idle: Socket
  // All at once: each takes as long as the service waits.
  beforeAll(async () => {
    idle = await openSocket(service.url)
    idle.write(LIVEZ)
    await listen(idle)
    heard = new Map(SLOW.map(({ how, start, piece }) => [how, drip(start, piece)]))
  })

  test.each(SLOW)('that $how', async ({ how }) => {
    const { answers, isClosed } = (await heard.get(how)) ?? { answers: [], isClosed: false }
    expect(isClosed).toBe(true)
    expectRawProblem(answers.at(-1), 408, 'malformed-request')
  })

  test('that is idle between two requests may be so for longer', async () => {
    await Promise.all(heard.values())
    idle.write(LIVEZ)
    const { answers } = await listen(idle)
    expect([answers[0]?.status, answers[0]?.headers['keep-alive']]).toEqual([200, 'timeout=65'])
    idle.destroy()
  })

  test('that closes its half of the connection is let go', async () => {
    const socket = await openSocket(service.url)
    const heard = listen(socket, Number.POSITIVE_INFINITY)
    socket.end(POST_HEAD)
    expect((await heard).isClosed).toBe(true)
  })

  test('that leaves in the middle of its body stores nothing', async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => openSocket(service.url)))
    for (const socket of sockets) {
      socket.write(`${POST_HEAD}{"email":"left@example.com"`)
      socket.resetAndDestroy()
    }
    const { answers } = await speak(service.url, LIVEZ)
    expect(answers[0]?.status).toBe(200)
    expect((await service.database.pool.query("select 1 from users where email = 'left@example.com'")).rowCount).toBe(0)
  })

  test('that leaves in the middle of an answer is no fault', async () => {
    for (let times = 0; times < 20; times++) {
      const socket = await openSocket(service.url)
      socket.write(get('GET /docs/swagger-ui-bundle.js HTTP/1.1'))
      await once(socket, 'data')
      socket.resetAndDestroy()
    }
    expect((await speak(service.url, LIVEZ)).answers[0]?.status).toBe(200)
  })

  test('500 silent connections keep nobody else out', async () => {
    const sockets = await Promise.all(Array.from({ length: 500 }, () => openSocket(service.url)))
    const { answers } = await speak(service.url, postOf('/v1/users', BODY))
    expect(answers.map(({ status }) => status)).toEqual([202])
    for (const answer of answers) expectOwnAnswer(answer)
    for (const socket of sockets) socket.destroy()
  })
})
