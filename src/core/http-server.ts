import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'

// Node's defaults (a minute for headers, five for a body) let a slow client hold a connection for long.
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const CHECK_INTERVAL_MS = 1000
const MAX_HEADERS = 64
const IDLE_CHECK_MS = 50

export type HttpServer = { port: number; close(): Promise<void> }

/** `onUnreadable` answers a request that cannot be made one of the app's, such as one with a broken Host. */
type App = { fetch: Parameters<typeof getRequestListener>[0]; onUnreadable?: () => Response | Promise<Response> }

/**
 * Listens, and resolves with the port (a free one for 0). Rejects when the port is taken. `close` takes no new connection
 * and resolves when the requests in flight are answered.
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
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(address.port, address.host, resolve))
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : address.port,
    close: () =>
      new Promise((resolve) => {
        // A connection that was busy when the closing began stays open for its next request unless it is closed when idle.
        const closing = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
        server.close(() => {
          clearInterval(closing)
          resolve()
        })
      }),
  }
}
