import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type HttpServer, startHttpServer } from '../../../src/core/process/http/http-server.ts'
import { get, listen, openSocket, postOf, speak } from '../../abuse/speak.ts'
import { restoreGlobals } from '../../support/restore-globals.ts'

restoreGlobals()

const PING = get('GET /ping HTTP/1.1')

let server: HttpServer
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await server.close()
})

/** `answer` is given the path and the body; how many requests were in hand at once, at most, is counted. */
const start = async (answer: (path: string, body: string) => Promise<string> | string) => {
  const seen = { requests: 0, inHand: 0, most: 0 }
  const fetch = async (request: Request) => {
    seen.requests += 1
    seen.inHand += 1
    seen.most = Math.max(seen.most, seen.inHand)
    const told = await answer(new URL(request.url).pathname, await request.text())
    seen.inHand -= 1
    return new Response(told)
  }
  server = await startHttpServer({ fetch }, { host: '127.0.0.1', port: 0, keepAliveSeconds: 65 })
  return { seen, url: `http://127.0.0.1:${server.port}` }
}

const open = async (url: string) => {
  const socket = (await openSocket(url)).setNoDelay()
  sockets.push(socket)
  return socket
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('requests of one packet are in hand one at a time, and answered in their order', async () => {
  const { seen, url } = await start(async (path) => {
    await turn()
    return path
  })
  const paths = Array.from({ length: 200 }, (_, index) => `/${index}`)
  const { answers } = await speak(url, paths.map((path) => get(`GET ${path} HTTP/1.1`)).join(''), { answers: 200 })
  expect(answers.map(({ body }) => body)).toEqual(paths)
  expect(seen).toEqual({ requests: 200, inHand: 0, most: 1 })
})

test('what came behind a request waits until it is answered, and with the client if it is much', async () => {
  const gate = Promise.withResolvers<string>()
  const { seen, url } = await start((path) => (path === '/slow' ? gate.promise : path))
  const socket = await open(url)
  const first = listen(socket)
  const flood = Buffer.from(PING.repeat(100_000))
  socket.write(Buffer.concat([Buffer.from(get('GET /slow HTTP/1.1')), flood, flood, flood, flood]))
  for (let times = 0; times < 20; times += 1) expect((await speak(url, PING)).answers[0]?.body).toBe('/ping')
  expect(seen.requests).toBe(21)
  expect(socket.writableLength).toBeGreaterThan(flood.length)
  gate.resolve('at last')
  expect((await first).answers[0]?.body).toBe('at last')
})

test('others are answered between the requests of a long line', async () => {
  const { seen, url } = await start(() => 'here')
  const socket = await open(url)
  socket.write(PING.repeat(20_000))
  await once(socket, 'data')
  expect((await speak(url, PING)).answers).toHaveLength(1)
  expect(seen.requests).toBeLessThan(20_000)
})

test.each([1, 2, 3, 5, 17, 64, 100_000])(
  'requests in pieces of %i bytes are read as they were written',
  async (size) => {
    const { url } = await start((path, body) => `${path} ${body}`)
    const chunked = `${get('POST /chunks HTTP/1.1', 'Transfer-Encoding: chunked')}4\r\n\r\n\r\n\r\n3\r\n{}\n\r\n0\r\nX-Trailer: 1\r\n\r\n`
    const bodies = ['\r\n\r\n GET /livez\r\n\r\n', '', 'x'.repeat(300)]
    const posts = bodies.flatMap((body) => [postOf('/post', body), Buffer.from(PING)])
    const bytes = Buffer.concat([Buffer.from(`\r\n\r\n${PING}`), ...posts, Buffer.from(`${chunked}${chunked}${PING}`)])
    const socket = await open(url)
    const heard = listen(socket, 10)
    for (let at = 0; at < bytes.length; at += size) {
      socket.write(bytes.subarray(at, at + size))
      await turn()
    }
    const posted = bodies.flatMap((body) => [`/post ${body}`, '/ping '])
    expect((await heard).answers.map(({ body }) => body)).toEqual([
      ...['/ping ', ...posted],
      ...['/chunks \r\n\r\n{}\n', '/chunks \r\n\r\n{}\n', '/ping '],
    ])
  },
)

test('a body that is waited for holds up nobody, and what follows it is read when it is there', async () => {
  const { url } = await start((path, body) => `${path} ${body}`)
  const socket = await open(url)
  const both = listen(socket, 2)
  socket.write(postOf('/post', 'a body').subarray(0, -3))
  expect((await speak(url, PING)).answers).toHaveLength(1)
  socket.write(`ody${PING}`)
  expect((await both).answers.map(({ body }) => body)).toEqual(['/post a body', '/ping '])
})

test('rubbish behind a request is refused after that is answered, and ends the connection', async () => {
  const { seen, url } = await start(async (path) => {
    await turn()
    return path
  })
  const { answers, isClosed } = await speak(url, `${PING}rubbish\r\n\r\n${PING}`, { answers: 3 })
  expect([answers.map(({ status }) => status), isClosed]).toEqual([[200, 400], true])
  expect(seen.requests).toBe(1)
})

test('a client that goes while its requests wait is let go', async () => {
  const gate = Promise.withResolvers<string>()
  const { seen, url } = await start(() => gate.promise)
  const socket = await open(url)
  socket.write(PING.repeat(10))
  await expect.poll(() => seen.requests).toBe(1)
  socket.resetAndDestroy()
  gate.resolve('too late')
  await expect.poll(() => seen.inHand).toBe(0)
  await server.close()
  expect(seen.requests).toBe(1)
})

test('an invitation to send a body takes its turn too', async () => {
  const { seen, url } = await start((path, body) => `${path} ${body}`)
  const asked = postOf('/post', 'a body', 'Expect: 100-continue')
  const { answers } = await speak(url, Buffer.concat([Buffer.from(PING), asked, asked, Buffer.from(PING)]), {
    answers: 6,
  })
  expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual([
    ...['200 /ping ', '100 ', '200 /post a body', '100 ', '200 /post a body', '200 /ping '],
  ])
  expect(seen.most).toBe(1)
})
