import { connect, createServer, type Server, type Socket } from 'node:net'

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
  const { hostname, port } = new URL(target)
  const sockets = createSockets()
  const towards = { hostname, port: Number(port) }
  let isFrozen = false
  let lost: Lost | null = null
  const server = createServer((client) => {
    const upstream = connect(towards.port, towards.hostname)
    sockets.keep(client, upstream)
    client.on('data', (chunk) => {
      if (lost === null || !chunk.includes(lost.word)) return
      cutAtAnswer(client, upstream, lost)
      lost = null
    })
    client.pipe(upstream).on('close', () => client.destroy())
    upstream.pipe(client).on('close', () => upstream.destroy())
    if (isFrozen) for (const socket of [client, upstream]) socket.pause()
  })
  return {
    ...(await listen(server, target)),
    pointTo: (port) => {
      towards.port = port
      sockets.each((socket) => socket.destroy())
    },
    freeze: () => {
      isFrozen = true
      sockets.each((socket) => socket.pause())
    },
    freezeConnected: () => sockets.each((socket) => socket.pause()),
    loseAnswerTo: (word, answer) => {
      lost = { word, answer }
    },
    thaw: () => {
      isFrozen = false
      sockets.each((socket) => socket.resume())
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        sockets.each((socket) => socket.destroy())
      }),
  }
}

type Lost = { word: string; answer: string }

/** All that are open, on both sides. */
const createSockets = () => {
  const open = new Set<Socket>()
  return {
    keep: (...sockets: Socket[]) => {
      for (const socket of sockets) {
        open.add(socket)
        socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket))
      }
    },
    each: (change: (socket: Socket) => unknown) => {
      for (const socket of open) change(socket)
    },
  }
}

const cutAtAnswer = (client: Socket, upstream: Socket, { answer }: Lost): void => {
  upstream.unpipe(client)
  upstream.on('data', (said) => said.includes(answer) && client.destroy()).resume()
}

/** On a free port; gives the target's address with that port in place of its own. */
const listen = async (server: Server, target: string): Promise<{ url: string; port: number }> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  return { url: url.href, port: address.port }
}
