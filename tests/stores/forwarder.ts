import { connect, createServer, type Socket } from 'node:net'

export type Forwarder = {
  port: number
  /** New connections go to this port; the old ones are cut, as a proxy does with those of a server that it finds dead. */
  pointTo(port: number): void
  /** What is connected stays so, and nothing comes through any more. New connections work. */
  freeze(): void
  close(): Promise<void>
}

/** Stands in front of a server as a virtual address or a TCP proxy would. */
export const startForwarder = async (target: number): Promise<Forwarder> => {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    keep(client)
    keep(upstream)
    client.pipe(upstream).on('close', () => client.destroy())
    upstream.pipe(client).on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return {
    port: address.port,
    pointTo: (port) => {
      target = port
      cut()
    },
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}
