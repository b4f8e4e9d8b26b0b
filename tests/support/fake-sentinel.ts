import { createServer, type Socket } from 'node:net'

const NAME = 'latchkey'
const NOBODY = { username: undefined, password: undefined }

/**
 * A Redis that is its own Sentinel, for what real ones do at a moment of their own. After `killMaster` whoever still watches for failovers while the
 * master is asked for is told of one, and the answer comes when he has left.
 */
export const startFakeSentinel = async () => {
  const watchers = new Set<Socket>()
  const others = new Set<Socket>()
  let isFailingOver = false

  const answer = async (socket: Socket, [name = '', noun = '']: string[]): Promise<string> => {
    if (name.toUpperCase() === 'HELLO') return '-ERR unknown command HELLO\r\n'
    if (name.toUpperCase() === 'SUBSCRIBE') {
      others.delete(socket)
      watchers.add(socket)
      return `*3\r\n${bulk('subscribe')}${bulk(noun)}:1\r\n`
    }
    if (name.toUpperCase() !== 'SENTINEL') return '+PONG\r\n'
    if (noun !== 'get-master-addr-by-name') return '*0\r\n'
    if (isFailingOver) await Promise.all([...watchers].map(tellOfFailover))
    return `*2\r\n${bulk('127.0.0.1')}${bulk(String(port))}`
  }
  const server = createServer((socket) => {
    others.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => void (watchers.delete(socket) || others.delete(socket)))
    socket.on('data', async (chunk) => {
      for (const command of commandsIn(chunk.toString())) socket.write(await answer(socket, command))
    })
  })
  const port = await listen(server)
  const nodes = [{ host: '127.0.0.1', port }]
  return {
    store: { kind: 'sentinel', isTls: false, nodes, master: NAME, db: 0, ...NOBODY, sentinel: NOBODY } as const,
    watchers,
    killMaster: () => {
      isFailingOver = true
      for (const socket of others) socket.destroy()
    },
    /** As a Sentinel that is started again. */
    dropWatchers: () => {
      for (const socket of watchers) socket.resetAndDestroy()
    },
    close: () => {
      for (const socket of [...watchers, ...others]) socket.destroy()
      server.close()
    },
  }
}

const listen = (server: ReturnType<typeof createServer>): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    }),
  )

const tellOfFailover = (watcher: Socket) =>
  new Promise<void>((resolve) => {
    watcher.once('close', () => resolve())
    const news = ['message', '+switch-master', `${NAME} 127.0.0.1 1 127.0.0.1 2`]
    watcher.write(`*3\r\n${news.map(bulk).join('')}`)
  })

const bulk = (word: string): string => `$${word.length}\r\n${word}\r\n`

/** The words of each command; they are small enough to come whole. */
const commandsIn = (chunk: string): string[][] =>
  chunk
    .split(/\*\d+\r\n/)
    .slice(1)
    .map((command) => command.split('\r\n').filter((word) => word !== '' && !/^\$\d+$/.test(word)))
