import { createServer, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'

// Node's defaults (a minute for headers, five for a body) let a slow client hold a connection for long.
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const CHECK_INTERVAL_MS = 1000
const MAX_HEADERS = 64
const IDLE_CHECK_MS = 50
const DRAIN_MS = 5000

export type HttpServer = { port: number; close(): Promise<void> }

/** `onUnreadable` answers a request that cannot be made one of the app's, such as one with a broken Host. */
type App = { fetch: Parameters<typeof getRequestListener>[0]; onUnreadable?: () => Response | Promise<Response> }

const PARSER_STATUS: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }

/**
 * Listens, and resolves with the port (a free one for 0). Rejects when the port is taken. `close` takes no new connection
 * and resolves when the requests in flight are answered, or cut off after five seconds.
 */
export const startHttpServer = async (app: App, address: { host: string; port: number }): Promise<HttpServer> => {
  const options = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
  }
  const onUnreadable = app.onUnreadable ?? (() => new Response(null, { status: 400 }))
  const server = createServer(options, getRequestListener(app.fetch, { errorHandler: onUnreadable }))
  server.maxHeadersCount = MAX_HEADERS
  server.on(
    'clientError',
    (error: NodeJS.ErrnoException, socket) =>
      void refuseRaw(socket, PARSER_STATUS[error.code ?? ''] ?? 400, onUnreadable),
  )
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(address.port, address.host, resolve))
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : address.port,
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

/** The same answer on the bare socket, to what is not even HTTP. */
const refuseRaw = async (socket: Duplex, status: number, answer: () => Response | Promise<Response>): Promise<void> => {
  if (!socket.writable) return void socket.destroy()
  const response = await answer()
  const body = (await response.text()).replace('"status":400', `"status":${status}`)
  const headers = [...response.headers, ['connection', 'close'], ['content-length', String(Buffer.byteLength(body))]]
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  )
}
