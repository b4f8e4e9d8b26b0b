import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findFreePort } from '../../../dev/free-port.ts'
import { createAuthority } from '../../stores/certificates.ts'
import { acceptanceOf, createTestMailer, mailers } from './mailer-cases.ts'
import { startRawServer } from './raw-server.ts'

// Of the calls that nothing else ends; a machine that is too busy even to send one in time gets more.
const TIMEOUTS_MS = [400, 4000, 40_000]
// A loaded machine is slow, but a call without its limit never ends.
const LATEST_MS = 40_000
const LATEST_TIMES = 10
const NO_LIMIT_MS = 60_000
const TEXT_OF_STUB = 'words of the provider'

let certificate: { cert: Buffer; key: Buffer }
beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'))
  const { certificate: cert, key } = createAuthority(folder, 'unknown').issue('localhost')
  certificate = { cert: readFileSync(cert), key: readFileSync(key) }
  rmSync(folder, { recursive: true })
})

const drip = (socket: Socket, start: string) => {
  socket.write(start)
  const timer = setInterval(() => socket.write('x'), 50)
  socket.on('close', () => clearInterval(timer))
}

describe.each(mailers)('the $name mailer', ({ name }) => {
  const NO_ANSWER = { name: 'MailerUnavailable', message: `${name}-silent`, isClearNo: false, retryAfterMs: null }
  const NOT_REACHED = { name: 'MailerUnavailable', message: `${name}-not-reached`, isClearNo: true }
  let atEnd: (() => Promise<unknown>)[] = []
  beforeEach(() => {
    atEnd = []
  })
  afterEach(async () => {
    for (const close of atEnd.toReversed()) await close()
  })

  const open = (url: string, timeoutMs = NO_LIMIT_MS) => {
    const mailer = createTestMailer(name, url, { timeoutMs })
    atEnd.push(mailer.close)
    return mailer
  }
  const serve = async (onRequest: (socket: Socket) => void) => {
    const stub = await startRawServer(onRequest)
    atEnd.push(stub.close)
    return stub
  }
  const endOf = async (sending: Promise<unknown>) => {
    const begun = performance.now()
    const end = await sending.catch((error: unknown) => error)
    return { end, ms: performance.now() - begun }
  }
  /** How a call ends that reaches the server and gets no whole answer in time. */
  const endOfTimeout = async (stub: Awaited<ReturnType<typeof serve>>) => {
    for (const timeoutMs of TIMEOUTS_MS) {
      const { end, ms } = await endOf(open(stub.url, timeoutMs).send())
      expect(ms).toBeLessThan(timeoutMs * LATEST_TIMES)
      if (stub.requests() > 0) return end
    }
    throw new Error('no call reached the server')
  }

  test.each(['127.0.0.1', 'localhost'])(
    'a refused connection to %s is a clear no: nobody can have the code',
    async (host) => {
      const mailer = open(`http://${host}:${await findFreePort()}`)
      await expect(mailer.send()).rejects.toMatchObject(NOT_REACHED)
    },
  )

  test('a host name that does not exist is a clear no', async () => {
    await expect(open('http://mail-provider.invalid').send(AbortSignal.timeout(LATEST_MS))).rejects.toMatchObject(
      NOT_REACHED,
    )
  })

  test('a reset after the request was written is no answer', async () => {
    const stub = await serve((socket) => socket.resetAndDestroy())
    await expect(open(stub.url).send()).rejects.toMatchObject(NO_ANSWER)
    expect(stub.requests()).toBe(1)
  })

  test('a connection that is closed without an answer is no answer, and nothing is sent twice', async () => {
    const stub = await serve((socket) => socket.end())
    await expect(open(stub.url).send()).rejects.toMatchObject(NO_ANSWER)
    expect(stub.requests()).toBe(1)
  })

  test('what is no HTTP is no answer', async () => {
    const stub = await serve((socket) => socket.end(`220 ${TEXT_OF_STUB}\r\n`))
    const { end } = await endOf(open(stub.url).send())
    expect(end).toMatchObject(NO_ANSWER)
    expect(end instanceof Error ? `${end.message} ${end.stack}` : '').not.toContain(TEXT_OF_STUB)
  })

  test('silence beyond the time limit is no answer', async () => {
    const stub = await serve(() => {})
    expect(await endOfTimeout(stub)).toMatchObject(NO_ANSWER)
    expect(stub.requests()).toBe(1)
  })

  test('headers that drip in beyond the time limit are no answer', async () => {
    const stub = await serve((socket) => drip(socket, 'HTTP/1.1 200 OK\r\nX-Slow: '))
    expect(await endOfTimeout(stub)).toMatchObject(NO_ANSWER)
  })

  test.each([200, 422, 503])('a %i whose body never ends is half an answer, and no answer in time', async (status) => {
    const stub = await serve((socket) => drip(socket, `HTTP/1.1 ${status} Status\r\nContent-Length: 60000\r\n\r\n`))
    expect(await endOfTimeout(stub)).toMatchObject(NO_ANSWER)
  })

  test('a 200 and half a body, then a closed connection, is no answer', async () => {
    const { text } = acceptanceOf(name)
    const stub = await serve((socket) =>
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n${text.slice(0, 9)}`),
    )
    await expect(open(stub.url).send()).rejects.toMatchObject(NO_ANSWER)
  })

  test('a certificate that nobody vouches for is a clear no: nothing has left', async () => {
    const server = createTlsServer(certificate, (socket) => socket.on('error', () => {}))
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    atEnd.push(async () => server.close())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(open(`https://localhost:${port}`).send(AbortSignal.timeout(LATEST_MS))).rejects.toMatchObject(
      NOT_REACHED,
    )
  })

  test('a call that is aborted before its head was written is a clear no', async () => {
    const stub = await serve(() => {})
    const mailer = open(stub.url)
    await expect(mailer.send(AbortSignal.abort(new Error('shutdown')))).rejects.toMatchObject(NOT_REACHED)
    expect(stub.requests()).toBe(0)
  })

  test('an aborted signal ends the call at once, without an answer', async () => {
    const abort = new AbortController()
    const stub = await serve(() => abort.abort(new Error('shutdown')))
    const { end, ms } = await endOf(open(stub.url).send(abort.signal))
    expect(end).toMatchObject(NO_ANSWER)
    expect(ms).toBeLessThan(LATEST_MS)
  })

  test('a mailer goes on working after an outage', async () => {
    let isBroken = true
    const { status, headers, text } = acceptanceOf(name)
    const fields = Object.entries({ ...headers, 'content-length': String(Buffer.byteLength(text)) })
    const acceptance = `HTTP/1.1 ${status} OK\r\n${fields.map(([field, value]) => `${field}: ${value}\r\n`).join('')}\r\n${text}`
    const stub = await serve((socket) => {
      if (isBroken) socket.resetAndDestroy()
      else socket.write(acceptance)
    })
    const mailer = open(stub.url)
    await expect(mailer.send()).rejects.toMatchObject(NO_ANSWER)
    isBroken = false
    expect(await mailer.send()).toEqual({ providerId: expect.stringContaining('id-1') })
  })
})
