import { once } from 'node:events'
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const RETRY_MS = 1000

/** The listening socket, which can really be away for a while and come back on the same port. */
export function createListener(server: Server, host: string) {
  const closing = new AbortController()
  let port = 0
  let refusal = Promise.resolve()

  return {
    async open(wanted: number): Promise<number> {
      port = await listen(server, host, wanted)
      return port
    },

    /** Resolves when connections are accepted again, or at once after `close`. */
    refuse(seconds: number): Promise<void> {
      if (server.listening) refusal = shutFor(server, seconds, closing.signal, () => listen(server, host, port))
      return refusal
    },

    /** Ends every connection, open streams and unanswered requests included. */
    async close(): Promise<void> {
      closing.abort()
      await refusal
      if (server.listening) await shut(server)
    },
  }
}

async function shutFor(server: Server, seconds: number, signal: AbortSignal, reopen: () => Promise<number>) {
  await shut(server)
  await pause(seconds * 1000, signal)
  while (!signal.aborted && !server.listening) {
    // Somebody else may have taken the port meanwhile; the whole process must not die of that.
    await reopen().catch(() => pause(RETRY_MS, signal))
  }
}

async function shut(server: Server) {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

async function pause(ms: number, signal: AbortSignal) {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the mail sandbox listens on no port')
  return address.port
}
