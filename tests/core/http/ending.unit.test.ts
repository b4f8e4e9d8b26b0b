import { once } from 'node:events'
import { Server } from 'node:http'
import { createConnection, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type HttpApp, type HttpServer, startHttpServer } from '../../../src/core/process/http/http-server.ts'
import { get, listen, openSocket, speak } from '../../abuse/speak.ts'
import { restoreGlobals } from '../../support/restore-globals.ts'

restoreGlobals()

const PING = get('GET /ping HTTP/1.1')

let server: HttpServer | undefined
const sockets: Socket[] = []

// Node.js has timers of its own for connections, which go on.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }))
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  for (const socket of sockets.splice(0)) socket.destroy()
  await server?.close()
  server = undefined
})

const start = async (app: HttpApp) => {
  server = await startHttpServer(app, { host: '127.0.0.1', port: 0, keepAliveSeconds: 65 })
  return { url: `http://127.0.0.1:${server.port}`, port: server.port, close: server.close }
}

const open = async (url: string) => {
  const socket = await openSocket(url)
  sockets.push(socket)
  return socket
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

const ok = () => new Response('ok')

/** An app that is asked, and answers when it is told. */
const slowApp = () => {
  const answer = Promise.withResolvers<Response>()
  const begun = Promise.withResolvers<void>()
  const fetch = () => {
    begun.resolve()
    return answer.promise
  }
  return { fetch, begun: begun.promise, answer: answer.resolve }
}

describe('a server that closes', () => {
  test('takes no new connection, and ends those that are idle', async () => {
    const { url, close } = await start({ fetch: ok })
    const socket = await open(url)
    const first = listen(socket)
    socket.write(PING)
    await first
    await Promise.all([once(socket, 'close'), close()])
    await expect(fetch(url)).rejects.toThrow()
  })

  test('answers what it has in hand, and ends the connection then', async () => {
    const { fetch, begun, answer } = slowApp()
    const { url, close } = await start({ fetch })
    const socket = await open(url)
    const answered = listen(socket)
    const heard = listen(socket, 2)
    socket.write(PING)
    await begun
    const closed = close()
    answer(new Response('at last'))
    await answered
    vi.advanceTimersByTime(50)
    const { answers, isClosed } = await heard
    expect([answers.map(({ body }) => body), isClosed]).toEqual([['at last'], true])
    await closed
  })

  test('cuts off what is not answered within five seconds', async () => {
    const { fetch, begun } = slowApp()
    const { url, close } = await start({ fetch })
    const cutOff = vi.spyOn(Server.prototype, 'closeAllConnections')
    const socket = await open(url)
    socket.write(PING)
    await begun
    const closed = close()
    vi.advanceTimersByTime(4999)
    expect(cutOff).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    await Promise.all([once(socket, 'close'), closed])
  })

  test('leaves no timer behind', async () => {
    const { close } = await start({ fetch: ok })
    const closed = close()
    expect(vi.getTimerCount()).toBe(2)
    await closed
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a connection that is refused', () => {
  test('ends a second after its answer, though the client goes on sending', async () => {
    const { port } = await start({ fetch: ok })
    const socket = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true }).on('error', () => {})
    sockets.push(socket)
    socket.resume().write('hello\r\n\r\n')
    await once(socket, 'end')
    vi.advanceTimersByTime(1000)
    while (!socket.closed) {
      socket.write('x')
      await turn()
    }
  })

  test('asks for no answer when its client has gone', async () => {
    const onUnreadable = vi.fn<() => Response>(() => new Response(null))
    const { url } = await start({ fetch: ok, onUnreadable })
    const socket = await open(url)
    socket.write('GET / HTTP/1.1\r\n')
    socket.resetAndDestroy()
    // Whoever comes later is answered after the server has seen that one go.
    await speak(url, PING)
    expect(onUnreadable).not.toHaveBeenCalled()
  })
})
