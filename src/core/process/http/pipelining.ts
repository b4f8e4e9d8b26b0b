import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** `tail` is the end of what the parser got last, in which the end of a head may have begun. */
type Connection = { request: IncomingMessage | null; bodyLeft: number; tail: Bytes; isBroken: boolean }

type Bytes = Buffer<ArrayBuffer>

const HEAD_END = Buffer.from('\r\n\r\n')
const BEFORE_HEAD = Buffer.alloc(0)

/**
 * One request of a connection at a time. Node.js starts all that a packet brings, thousands of requests, and their answers follow
 * one another without a look at other connections. Here the parser gets no byte behind a request before that one is answered and
 * the event loop has gone round. What waits are bytes: at most two reads of 64 KB in the process, the rest with the client.
 */
export const serializePipelines = (server: Server): void => {
  const connections = new WeakMap<Duplex, Connection>()
  server.on('connection', (socket) => {
    const connection: Connection = { request: null, bodyLeft: 0, tail: BEFORE_HEAD, isBroken: false }
    connections.set(socket, connection)
    feedPieceByPiece(socket, connection)
  })
  const begin = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { socket } = incoming
    const connection = connections.get(socket)
    if (!connection) return
    connection.request = incoming
    connection.bodyLeft = Number(incoming.headers['content-length'] ?? 0)
    outgoing.once('close', () => {
      connection.request = null
      if (socket.isPaused()) setImmediate(() => socket.resume())
    })
  }
  server.on('request', begin).on('checkContinue', begin).on('checkExpectation', begin)
  server.on('clientError', (_, socket) => {
    const connection = connections.get(socket)
    if (connection) connection.isBroken = true
  })
}

const isAnswering = ({ request }: Connection): boolean => request?.complete ?? false

/** Stands between the socket and Node's parser, which listens to `data` as any other. */
const feedPieceByPiece = (socket: Socket, connection: Connection): void => {
  const [parse] = socket.listeners('data')
  if (!parse) throw new Error('Node.js does not parse what comes on a socket as `data`')
  socket.removeAllListeners('data')
  socket.on('data', (chunk: Bytes) => {
    for (let rest = chunk; rest.length > 0 && !connection.isBroken && !socket.destroyed; ) {
      if (isAnswering(connection) || socket.isPaused()) return hold(socket, rest)
      const piece = rest.subarray(0, pieceLength(connection, rest))
      rest = rest.subarray(piece.length)
      note(connection, piece)
      parse(piece)
    }
  })
}

/** Puts back what must not be parsed yet. The socket is read on until its buffer is full: so it is seen when the client goes. */
const hold = (socket: Socket, rest: Bytes): void => {
  socket.pause()
  socket.unshift(rest)
}

/** A head ends a piece, as its body does, so that no piece holds more than one request. In chunks `0\r\n\r\n` is the end of both. */
const pieceLength = ({ bodyLeft, tail }: Connection, rest: Bytes): number => {
  if (bodyLeft > 0) return Math.min(bodyLeft, rest.length)
  const across = Buffer.concat([tail, rest.subarray(0, HEAD_END.length - 1)]).indexOf(HEAD_END)
  if (across >= 0) return across + HEAD_END.length - tail.length
  const end = rest.indexOf(HEAD_END)
  return end < 0 ? rest.length : end + HEAD_END.length
}

const note = (connection: Connection, piece: Bytes): void => {
  const isBody = connection.bodyLeft > 0
  if (isBody) connection.bodyLeft -= piece.length
  connection.tail = isBody ? BEFORE_HEAD : lastBytes(connection.tail, piece)
}

/** A copy, so that an idle connection keeps no more of what it sent. */
const lastBytes = (former: Bytes, piece: Bytes): Bytes =>
  Buffer.from(Buffer.concat([former, piece.subarray(1 - HEAD_END.length)]).subarray(1 - HEAD_END.length))
