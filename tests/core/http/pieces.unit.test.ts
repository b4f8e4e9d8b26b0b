import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { serializePipelines } from '../../../src/core/process/http/pipelining.ts'
import { get, postOf } from '../../abuse/speak.ts'

const PING = get('GET /ping HTTP/1.1')
const END = '\r\n\r\n'

/** Long enough for Node.js to hand on what it has. */
const turns = async () => {
  for (let times = 0; times < 5; times += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** A connection whose reads are just the chunks that a test gives; no answer is sent but by the test. */
const connect = () => {
  const inHand: { incoming: IncomingMessage; outgoing: ServerResponse }[] = []
  const faults: Error[] = []
  const begin = (incoming: IncomingMessage, outgoing: ServerResponse) => void inHand.push({ incoming, outgoing })
  const server = createServer()
  serializePipelines(server)
  server.on('request', begin).on('checkExpectation', begin)
  server.on('clientError', (error) => void faults.push(error))
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  server.emit('connection', socket)
  const send = async (...chunks: (string | Buffer)[]) => {
    for (const chunk of chunks) {
      socket.push(chunk)
      await turns()
    }
  }
  const answer = async () => {
    inHand.shift()?.outgoing.end()
    await turns()
  }
  return { socket, inHand, faults, send, answer }
}

const expectOneByOne = async ({ inHand, answer }: ReturnType<typeof connect>, count: number) => {
  for (let times = 0; times < count; times += 1) {
    expect(inHand).toHaveLength(1)
    await answer()
  }
  expect(inHand).toEqual([])
}

test.each([0, 1, 2, 3, 4])('a head whose end is split behind %i of its bytes ends there all the same', async (at) => {
  const connection = connect()
  await connection.send(PING.slice(0, -END.length) + END.slice(0, at), END.slice(at) + PING + PING)
  await expectOneByOne(connection, 3)
})

test('so does one whose end comes byte by byte', async () => {
  const connection = connect()
  await connection.send(PING.slice(0, -END.length), ...END.slice(0, -1), `\n${PING}${PING}`)
  await expectOneByOne(connection, 3)
})

test('behind a body the next request begins, and is not taken for more of it', async () => {
  const connection = connect()
  const post = postOf('/post', 'x'.repeat(300))
  await connection.send(Buffer.concat([post, Buffer.from(PING + PING + PING)]))
  connection.inHand[0]?.incoming.resume()
  await expectOneByOne(connection, 4)
})

test('an expectation that nobody knows takes its turn too', async () => {
  const connection = connect()
  await connection.send(get('GET /tea HTTP/1.1', 'Expect: tea') + PING + PING)
  await expectOneByOne(connection, 3)
})

test('behind rubbish nothing is read', async () => {
  const { inHand, faults, send } = connect()
  await send(`rubbish${END}${PING}${PING}`)
  expect([inHand.length, faults.length]).toEqual([0, 1])
})

test('what waits is left alone while the body before it is read', async () => {
  const { socket, inHand, send } = connect()
  let reads = 0
  socket.on('data', () => {
    reads += 1
  })
  await send(Buffer.concat([postOf('/post', 'a body'), Buffer.from(PING)]))
  inHand[0]?.incoming.resume()
  await turns()
  expect([reads, inHand.length]).toEqual([1, 1])
})

test.each([10, 100_000])(
  'when nothing waits behind a body of %i bytes it is seen that the client goes',
  async (size) => {
    const { socket, inHand, send } = connect()
    await send(postOf('/post', 'x'.repeat(size)))
    inHand[0]?.incoming.resume()
    await turns()
    socket.push(null)
    await once(socket, 'end')
  },
)

test('a Node.js that parses in another way is noticed with the first connection', () => {
  const server = createServer().removeAllListeners('connection')
  serializePipelines(server)
  expect(() => server.emit('connection', new Duplex())).toThrow(
    'Node.js does not parse what comes on a socket as `data`',
  )
})
