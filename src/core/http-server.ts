import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'

// Node's defaults (a minute for headers, five for a body) let a slow client hold a connection for long.
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const CHECK_INTERVAL_MS = 1000
const MAX_HEADERS = 64

export type HttpServer = { port: number; close(): Promise<void> }

type App = { fetch: Parameters<typeof createAdaptorServer>[0]['fetch'] }

/**
 * Listens, and resolves with the port (a free one for 0). Rejects when the port is taken. `close` takes no new connection
 * and resolves when the requests in flight are answered.
 */
export const startHttpServer = async (app: App, address: { host: string; port: number }): Promise<HttpServer> => {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
  })
  if (!isHttp1(server)) throw new Error('unreachable: the server is not HTTP/1')
  server.maxHeadersCount = MAX_HEADERS
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(address.port, address.host, resolve))
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : address.port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

const isHttp1 = (server: ReturnType<typeof createAdaptorServer>): server is Server => 'maxHeadersCount' in server
