import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type HttpApp, type HttpServer, startHttpServer } from '../../../src/core/process/http/http-server.ts'
import { get, listen, openSocket, postOf, speak } from '../../abuse/speak.ts'
import { restoreGlobals } from '../../support/restore-globals.ts'

restoreGlobals()

let server: HttpServer | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await server?.close()
  server = undefined
})

const start = async (app: HttpApp) => {
  server = await startHttpServer(app, { host: '127.0.0.1', port: 0, keepAliveSeconds: 65 })
  return { url: `http://127.0.0.1:${server.port}` }
}

const open = async (url: string) => {
  const socket = await openSocket(url)
  sockets.push(socket)
  return socket
}

const ok = () => new Response('ok')

describe('what is no request of the app', () => {
  const refused: { status: number; headers: IncomingHttpHeaders }[] = []
  const onUnreadable = async (status: number, headers: IncomingHttpHeaders) => {
    refused.push({ status, headers })
    return new Response('réfusé', { status, headers: { 'X-Own': 'yes' } })
  }
  afterEach(() => void refused.splice(0))

  test.each([
    ['what is no HTTP', 400, 'hello\r\n\r\n'],
    ['too large a head', 431, get('GET / HTTP/1.1', `X-Large: ${'x'.repeat(20_000)}`)],
  ])('%s is answered on the bare socket with %i, and the connection ends', async (_, status, bytes) => {
    const { url } = await start({ fetch: ok, onUnreadable })
    const { answers, isClosed } = await speak(url, bytes, { answers: 2 })
    expect([answers.length, isClosed]).toEqual([1, true])
    expect(answers[0]).toEqual({
      status,
      headers: {
        ...{ 'x-own': 'yes', connection: 'close', 'content-length': '8', date: expect.stringMatching(/GMT$/) },
        'content-type': 'text/plain;charset=UTF-8',
      },
      body: 'réfusé',
    })
    expect(refused).toEqual([{ status, headers: {} }])
  })

  test('its line has the words of its status', async () => {
    const { url } = await start({ fetch: ok })
    const socket = await open(url)
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk
    })
    socket.write('hello\r\n\r\n')
    await once(socket, 'close')
    expect(text.split('\r\n')[0]).toBe('HTTP/1.1 400 Bad Request')
  })

  test.each([
    ['a Host that is none', get('GET /ping HTTP/1.1').replace('Host: latchkey', 'Host: a b')],
    ['a path that is not plain', get('GET /a//b HTTP/1.1')],
  ])('%s is answered with what can be read of its head', async (_, bytes) => {
    const { url } = await start({ fetch: ok, onUnreadable })
    const { answers } = await speak(url, bytes.replace('\r\n\r\n', '\r\nX-Request-Id: mine\r\n\r\n'))
    expect(answers[0]).toMatchObject({ status: 400, headers: { 'x-own': 'yes' }, body: 'réfusé' })
    expect(refused).toMatchObject([{ status: 400, headers: { 'x-request-id': 'mine' } }])
  })

  test('an app that cannot answer it loses the connection', async () => {
    const { url } = await start({ fetch: ok, onUnreadable: () => Promise.reject(new Error('broken')) })
    expect(await speak(url, 'hello\r\n\r\n')).toEqual({ answers: [], isClosed: true })
  })

  test('whether a Host is missed is the app’s to say', async () => {
    const { url } = await start({ fetch: (request) => new Response(new URL(request.url).hostname) })
    for (const version of ['1.0', '1.1'])
      expect((await speak(url, `GET /ping HTTP/${version}\r\n\r\n`)).answers[0]).toMatchObject({
        status: 200,
        body: 'localhost',
      })
  })
})

describe('an expectation', () => {
  const echo = async (request: Request) => new Response(await request.text())

  test('of an invitation is met when the body is read, and the connection may be used again', async () => {
    const { url } = await start({ fetch: echo })
    const socket = await open(url)
    const invited = listen(socket)
    socket.write(postOf('/a', 'a body', 'Expect: 100-continue').subarray(0, -6))
    expect((await invited).answers.map(({ status }) => status)).toEqual([100])
    const answered = listen(socket)
    socket.write('a body')
    const { answers } = await answered
    expect(answers.map(({ status, body }) => [status, body])).toEqual([[200, 'a body']])
    expect(answers[0]?.headers.connection).not.toBe('close')
  })

  test('is not met when the body is not read, and the connection ends', async () => {
    const { url } = await start({ fetch: () => new Response('no', { status: 413 }) })
    const { answers, isClosed } = await speak(
      url,
      get('POST /a HTTP/1.1', 'Content-Length: 9', 'Expect: 100-continue'),
      {
        answers: 2,
      },
    )
    expect([answers.map(({ status }) => status), isClosed]).toEqual([[413], true])
    expect(answers[0]?.headers.connection).toBe('close')
  })

  test('is not met by a body that came uninvited and is not read, and the connection ends', async () => {
    const { url } = await start({ fetch: () => new Response('no', { status: 413 }) })
    const { answers, isClosed } = await speak(url, postOf('/a', 'a body', 'Expect: 100-continue'), { answers: 2 })
    expect([answers.map(({ status }) => status), isClosed]).toEqual([[413], true])
  })

  test('that nobody knows is the app’s to refuse', async () => {
    const { url } = await start({ fetch: (request) => new Response(request.headers.get('expect')) })
    expect((await speak(url, get('GET /a HTTP/1.1', 'Expect: tea'))).answers[0]).toMatchObject({
      status: 200,
      body: 'tea',
    })
  })
})
