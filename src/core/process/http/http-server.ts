import { createServer, type IncomingHttpHeaders, type RequestListener, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { ConfigError } from '../config.ts'
import { serializePipelines } from './pipelining.ts'
import { isPlainTarget } from './request-target.ts'

// Node's defaults (a minute for headers, five for a body) let a slow client hold a connection for long.
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 15_000
// Nothing in or out for so long while a request is in hand: its client does not read the answer.
const SILENCE_TIMEOUT_MS = 30_000
// So long the last answer has to arrive before what the client still sends resets the connection.
const LINGER_MS = 1000
const CHECK_INTERVAL_MS = 1000
const MAX_HEADERS = 64
const IDLE_CHECK_MS = 50
const DRAIN_MS = 5000

export type HttpServer = { port: number; close(): Promise<void> }

/** What cannot be read at all, came too slowly, or has too large a head. */
export type UnreadableStatus = 400 | 408 | 431

type OnUnreadable = (status: UnreadableStatus, headers: IncomingHttpHeaders) => Response | Promise<Response>

/**
 * `onUnreadable` answers a request that cannot be made one of the app's, such as one with a broken Host or a path that is not
 * plain; the headers are none when not even they could be read.
 */
export type HttpApp = { fetch: Parameters<typeof getRequestListener>[0]; onUnreadable?: OnUnreadable }

const PARSER_STATUS: Record<string, UnreadableStatus> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }

const OPTIONS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_INTERVAL_MS,
  requireHostHeader: false,
}

/** Without a host it is every address of the machine, IPv4 and, where there is one, IPv6. */
type Listening = { host?: string | undefined; port: number; keepAliveSeconds: number }

/**
 * Listens, and resolves with the port (a free one for 0). Rejects with a `ConfigError` when it must not or cannot listen there.
 * `close` takes no new connection and resolves when the requests in flight are answered, or cut off after five seconds.
 */
export const startHttpServer = async (app: HttpApp, listening: Listening): Promise<HttpServer> => {
  const onUnreadable = app.onUnreadable ?? ((status) => new Response(null, { status }))
  const listener = createListener(app.fetch, onUnreadable)
  const server = createServer({ ...OPTIONS, keepAliveTimeout: listening.keepAliveSeconds * 1000 })
  server.maxHeadersCount = MAX_HEADERS
  server.timeout = SILENCE_TIMEOUT_MS
  serializePipelines(server)
  server.on('request', listener).on('checkContinue', inviteBody(listener)).on('checkExpectation', listener)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = PARSER_STATUS[error.code ?? ''] ?? 400
    refuseRaw(socket, status, onUnreadable).catch(() => socket.destroy())
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', (error) => reject(asConfigError(error))).listen(listening.port, listening.host, resolve),
  )
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : listening.port,
    close: () =>
      new Promise((resolve) => {
        // A connection that was busy when the closing began stays open for its next request unless it is closed when idle.
        const closing = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
        const limit = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
        server.close(() => {
          clearInterval(closing)
          clearTimeout(limit)
          resolve()
        })
      }),
  }
}

const createListener = (fetch: HttpApp['fetch'], onUnreadable: OnUnreadable): RequestListener => {
  // Hono's listener makes a URL of the request at once, and tells of what cannot be one before it returns.
  let headers: IncomingHttpHeaders = {}
  const listener = getRequestListener(
    (request, env) =>
      isPlainTarget(env.incoming.url ?? '') ? fetch(request, env) : onUnreadable(400, env.incoming.headers),
    // The name stands in for a missing Host, which HTTP/1.0 allows; whether it is missed is the app's to say, in its own words.
    { hostname: 'localhost', errorHandler: () => onUnreadable(400, headers) },
  )
  return (incoming, outgoing) => {
    headers = incoming.headers
    void listener(incoming, outgoing)
  }
}

const LISTEN_FAULTS: Record<string, string> = {
  EADDRINUSE: 'PORT or OPS_PORT: another process has it, or both are the same',
  EACCES: 'PORT or OPS_PORT: this user may not have it',
  EADDRNOTAVAIL: 'HOST: is no address of this machine',
  ENOTFOUND: 'HOST: is no address of this machine',
}

const asConfigError = (error: NodeJS.ErrnoException): Error => {
  const fault = LISTEN_FAULTS[error.code ?? '']
  return fault === undefined ? error : new ConfigError(`${fault} (${error.code})`)
}

/**
 * `100 Continue` is sent when the app begins to read the body, so a request that it refuses by its head costs no body. Whether
 * one follows such a refusal nobody knows (RFC 9110, 10.1.1), so Node.js ends its connection.
 */
const inviteBody =
  (listener: RequestListener): RequestListener =>
  (incoming, outgoing) => {
    incoming.once('resume', () => {
      if (!outgoing.headersSent) outgoing.writeContinue()
    })
    listener(incoming, outgoing)
  }

/** The same answer on the bare socket, to what is not even HTTP. */
const refuseRaw = async (socket: Duplex, status: UnreadableStatus, answer: OnUnreadable): Promise<void> => {
  if (!socket.writable) return void socket.destroy()
  const response = await answer(status, {})
  const body = await response.text()
  const headers = [
    ...response.headers,
    ['date', new Date().toUTCString()],
    ['connection', 'close'],
    ['content-length', String(Buffer.byteLength(body))],
  ]
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  )
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}
