import { createConnection, createServer, type Socket } from 'node:net'

/** A way to PostgreSQL that can be made to hang with all connections open. */
export const startProxy = async (target: string) => {
  const { hostname, port } = new URL(target)
  const sockets: Socket[] = []
  let isFrozen = false
  const server = createServer((client) => {
    const upstream = createConnection(Number(port), hostname)
    for (const [here, there] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      here.pipe(there)
      here.on('error', () => there.destroy()).on('close', () => there.destroy())
    }
    sockets.push(client, upstream)
    if (isFrozen) for (const socket of [client, upstream]) socket.pause()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(typeof address === 'object' ? address?.port : '')
  return {
    url: url.href,
    freeze: () => {
      isFrozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw: () => {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
