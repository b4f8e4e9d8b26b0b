import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

type Turn = { incoming: IncomingMessage; former: Promise<unknown> | undefined; answered: Promise<unknown> }

export type Turns = {
  /** Calls the listener when the connection's earlier requests are answered and the answers are sent. */
  inTurn(listener: RequestListener): RequestListener
  /** Resolves when every request that came whole on this connection is answered. */
  lastAnswer(socket: Duplex): Promise<unknown>
}

/**
 * One request of a connection at a time: Node.js starts all that a packet brings, and a thousand answers that nobody reads would
 * wait in memory. What waits here when its connection ends is never started.
 */
export const createTurns = (): Turns => {
  const turns = new WeakMap<Duplex, Turn>()
  return {
    inTurn: (listener) => async (incoming, outgoing) => {
      const former = turns.get(incoming.socket)?.answered
      turns.set(incoming.socket, { incoming, former, answered: closeOf(outgoing) })
      if (former) await former
      if (!incoming.socket.destroyed) listener(incoming, outgoing)
    },
    lastAnswer: async (socket) => {
      const turn = turns.get(socket)
      await (turn?.incoming.complete ? turn.answered : turn?.former)
    },
  }
}

/** Never rejects: what goes wrong with an answer is its sender's to handle. */
const closeOf = (outgoing: ServerResponse): Promise<unknown> =>
  new Promise((resolve) => outgoing.once('close', resolve))
