import { createServer, type Socket } from 'node:net'

const NO_HELLO = '-ERR unknown command HELLO\r\n'

/** A server of Redis' old protocol that answers as it is told, each client's commands one after the other. */
export const startFakeRedis = async (
  answer: (command: string[], socket: Socket) => string | Promise<string>,
): Promise<{ port: number; sockets: Set<Socket>; close(): void }> => {
  const sockets = new Set<Socket>()
  // A client that takes its leave may still be answered.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    let answered = Promise.resolve()
    const answerAll = async (commands: string[][]) => {
      for (const command of commands)
        socket.write(command[0]?.toUpperCase() === 'HELLO' ? NO_HELLO : await answer(command, socket))
    }
    socket.on('error', () => {})
    socket.on('close', () => void sockets.delete(socket))
    socket.on('data', (chunk) => {
      answered = answered.then(() => answerAll(commandsIn(chunk.toString())))
    })
    socket.on('end', () => void answered.then(() => socket.end()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    sockets,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

export const bulk = (word: string): string => `$${word.length}\r\n${word}\r\n`

/** The words of each command; they are small enough to come whole. */
const commandsIn = (chunk: string): string[][] =>
  chunk
    .split(/\*\d+\r\n/)
    .slice(1)
    .map((command) => command.split('\r\n').filter((word) => word !== '' && !/^\$\d+$/.test(word)))
