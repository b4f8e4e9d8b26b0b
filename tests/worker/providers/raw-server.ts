import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

/** A server of raw sockets: `onRequest` is called when the whole of a request has arrived. */
export const startRawServer = async (onRequest: (socket: Socket) => void) => {
  const sockets = new Set<Socket>()
  let requests = 0
  const server: Server = createServer((socket) => {
    let received = ''
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += chunk
      if (!isWhole(received)) return
      received = ''
      requests += 1
      onRequest(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests: () => requests,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const isWhole = (request: string) => {
  const [head = '', ...rest] = request.split('\r\n\r\n')
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN)
  return Buffer.byteLength(rest.join('\r\n\r\n')) >= length
}
