import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findFreePort } from '../../dev/embedded-postgres.ts'
import { createTestMailer, mailers } from './mailer-cases.ts'

const TIMEOUT_MS = 400
// A loaded machine is slow, but a call without its limit never ends.
const LATEST_MS = 4000
const TEXT_OF_STUB = 'words of the provider'

const NO_ANSWER = { name: 'MailerUnavailable', message: 'provider-silent', isClearNo: false, retryAfterMs: null }

/** A server of raw sockets: `onRequest` is called when the whole of a request has arrived. */
const startStub = async (onRequest: (socket: Socket) => void) => {
  const sockets = new Set<Socket>()
  let requests = 0
  const server: Server = createServer((socket) => {
    let received = ''
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk
      if (!received.endsWith('}')) return
      received = ''
      requests += 1
      onRequest(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests: () => requests,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const drip = (socket: Socket, start: string) => {
  socket.write(start)
  const timer = setInterval(() => socket.write('x'), 50)
  socket.on('close', () => clearInterval(timer))
}

describe.each(mailers)('the $name mailer', ({ name }) => {
  let atEnd: (() => Promise<unknown>)[] = []
  beforeEach(() => {
    atEnd = []
  })
  afterEach(async () => {
    for (const close of atEnd.toReversed()) await close()
  })

  const open = (url: string) => {
    const mailer = createTestMailer(name, url, TIMEOUT_MS)
    atEnd.push(mailer.close)
    return mailer
  }
  const serve = async (onRequest: (socket: Socket) => void) => {
    const stub = await startStub(onRequest)
    atEnd.push(stub.close)
    return stub
  }
  const endOf = async (sending: Promise<unknown>) => {
    const begun = performance.now()
    const end = await sending.catch((error: unknown) => error)
    return { end, ms: performance.now() - begun }
  }

  test.each(['127.0.0.1', 'localhost'])(
    'a refused connection to %s is a clear no: nobody can have the code',
    async (host) => {
      const mailer = open(`http://${host}:${await findFreePort()}`)
      await expect(mailer.send()).rejects.toMatchObject({
        name: 'MailerUnavailable',
        message: 'provider-not-reached',
        isClearNo: true,
      })
    },
  )

  test('a host name that does not exist is a clear no', async () => {
    await expect(open('http://mail-provider.invalid').send(AbortSignal.timeout(LATEST_MS))).rejects.toMatchObject({
      message: 'provider-not-reached',
      isClearNo: true,
    })
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
    const { end, ms } = await endOf(open(stub.url).send())
    expect(end).toMatchObject(NO_ANSWER)
    expect(ms).toBeLessThan(LATEST_MS)
    expect(stub.requests()).toBe(1)
  })

  test('headers that drip in beyond the time limit are no answer', async () => {
    const stub = await serve((socket) => drip(socket, 'HTTP/1.1 200 OK\r\nX-Slow: '))
    const { end, ms } = await endOf(open(stub.url).send())
    expect(end).toMatchObject(NO_ANSWER)
    expect(ms).toBeLessThan(LATEST_MS)
  })

  test.each([
    { status: 200, outcome: { providerId: null } },
    { status: 422, outcome: { name: 'MailRefused', message: 'provider-422' } },
    { status: 503, outcome: { name: 'MailerUnavailable', message: 'provider-503', isClearNo: true } },
  ])(
    'a body that drips in for ever cannot hold the answer $status up beyond the time limit',
    async ({ status, outcome }) => {
      const stub = await serve((socket) => drip(socket, `HTTP/1.1 ${status} Status\r\nContent-Length: 60000\r\n\r\n`))
      const { end, ms } = await endOf(open(stub.url).send())
      expect(end).toMatchObject(outcome)
      expect(ms).toBeLessThan(LATEST_MS)
    },
  )

  test('an aborted signal ends the call at once, without an answer', async () => {
    const abort = new AbortController()
    const stub = await serve(() => abort.abort(new Error('shutdown')))
    const mailer = createTestMailer(name, stub.url, 60_000)
    atEnd.push(mailer.close)
    const { end, ms } = await endOf(mailer.send(abort.signal))
    expect(end).toMatchObject(NO_ANSWER)
    expect(ms).toBeLessThan(LATEST_MS)
  })

  test('a mailer goes on working after an outage', async () => {
    let isBroken = true
    const stub = await serve((socket) => {
      if (isBroken) socket.resetAndDestroy()
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
    })
    const mailer = open(stub.url)
    await expect(mailer.send()).rejects.toMatchObject(NO_ANSWER)
    isBroken = false
    expect(await mailer.send()).toEqual({ providerId: null })
  })
})
