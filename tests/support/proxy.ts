import { connect, createServer, type Socket } from 'node:net'

/** `url` and `port` are those of the proxy. */
export type TcpProxy = {
  url: string
  port: number
  /** New connections go to this port; the old ones are cut, as with a server that is found dead. */
  pointTo(port: number): void
  /** Nothing comes through any more, and all stays connected; new connections are taken, and hang too. */
  freeze(): void
  /** The same, but new connections work. */
  freezeConnected(): void
  thaw(): void
  /** The next message with this word arrives, and its connection is lost instead of the answer with that word. */
  loseAnswerTo(word: string, answer: string): void
  close(): Promise<void>
}

/** Stands in front of a server, as a virtual address or a TCP proxy would. */
export const startProxy = async (target: string): Promise<TcpProxy> => {
  const sockets = new Set<Socket>()
  const { hostname, port: firstPort } = new URL(target)
  let targetPort = Number(firstPort)
  let isFrozen = false
  let lost: { word: string; answer: string } | null = null
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const each = (change: (socket: Socket) => unknown) => {
    for (const socket of sockets) change(socket)
  }
  const server = createServer((client) => {
    const upstream = connect(targetPort, hostname)
    keep(client)
    keep(upstream)
    client.on('data', (chunk) => {
      if (lost === null || !chunk.includes(lost.word)) return
      const { answer } = lost
      lost = null
      upstream.unpipe(client)
      upstream.on('data', (said) => said.includes(answer) && client.destroy()).resume()
    })
    client.pipe(upstream).on('close', () => client.destroy())
    upstream.pipe(client).on('close', () => upstream.destroy())
    if (isFrozen) for (const socket of [client, upstream]) socket.pause()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  return {
    url: url.href,
    port: address.port,
    pointTo: (port) => {
      targetPort = port
      each((socket) => socket.destroy())
    },
    freeze: () => {
      isFrozen = true
      each((socket) => socket.pause())
    },
    freezeConnected: () => each((socket) => socket.pause()),
    loseAnswerTo: (word, answer) => {
      lost = { word, answer }
    },
    thaw: () => {
      isFrozen = false
      each((socket) => socket.resume())
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        each((socket) => socket.destroy())
      }),
  }
}
