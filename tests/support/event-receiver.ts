import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import * as v from 'valibot'

/** How the receiver behaves: a status, a redirect, a 200 whose body never ends, a long one, or silence. */
export type Behaviour = number | 'redirect' | 'endless' | 'long' | 'silent'

const eventBody = v.object({
  type: v.string(),
  timestamp: v.string(),
  data: v.looseObject({ user: v.looseObject({ id: v.string() }) }),
})

export type ReceivedEvent = v.InferOutput<typeof eventBody> & {
  id: string
  headers: IncomingHttpHeaders
  body: string
  at: number
  isTaken: boolean
}

export type EventReceiver = {
  url: string
  /** Every request, in order. */
  requests: ReceivedEvent[]
  /** Those that were taken, one for each id. */
  taken(): ReceivedEvent[]
  /** The answers to the next requests, in order; after them `otherwise`. */
  answerWith(next: Behaviour[], otherwise?: Behaviour): void
  close(): Promise<void>
}

/** A system that events are told to, with real sockets on the loopback. */
export const startEventReceiver = async (): Promise<EventReceiver> => {
  const requests: ReceivedEvent[] = []
  let script: Behaviour[] = []
  let standard: Behaviour = 200
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString('utf8')
    const behaviour = script.shift() ?? standard
    const isTaken =
      behaviour === 'endless' || behaviour === 'long' || (typeof behaviour === 'number' && behaviour < 300)
    const { headers } = request
    const event = v.parse(eventBody, JSON.parse(body))
    requests.push({ ...event, id: String(headers['webhook-id']), headers, body, at: Date.now(), isTaken })
    answer(response, behaviour)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}/events`,
    requests,
    taken: () => [...new Map(requests.filter(({ isTaken }) => isTaken).map((event) => [event.id, event])).values()],
    answerWith: (next, otherwise = 200) => {
      script = [...next]
      standard = otherwise
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const answer = (response: ServerResponse, behaviour: Behaviour): void => {
  if (behaviour === 'silent') return
  if (behaviour === 'redirect') response.writeHead(307, { location: '/elsewhere' }).end()
  else if (behaviour === 'endless') response.writeHead(200).write('and so on ')
  else if (behaviour === 'long') response.writeHead(200).end('x'.repeat(1_000_000))
  else response.writeHead(behaviour).end()
}
