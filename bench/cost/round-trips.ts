import { connect, createServer, type Socket } from 'node:net'
import { findFreePort } from '../../dev/free-port.ts'

/** `trips` counts how often a client sent and then waited for the server, over all connections. */
export type CountingProxy = { url: string; trips(): number; close(): void }

/** Stands before a PostgreSQL and counts round trips: what a client sends after an answer begins a new one. */
export const startCountingProxy = async (databaseUrl: string): Promise<CountingProxy> => {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let trips = 0
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    let isAnswered = true
    for (const socket of [client, upstream]) sockets.add(socket.setNoDelay(true).on('error', () => socket.destroy()))
    client.on('data', (chunk) => {
      if (isAnswered) trips += 1
      isAnswered = false
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      isAnswered = true
      client.write(chunk)
    })
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
  })
  const port = await findFreePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.port = String(port)
  return {
    url: url.href,
    trips: () => trips,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
