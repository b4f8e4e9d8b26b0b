import { createServer, type ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import * as v from 'valibot'
import { findFreePort } from '../../dev/free-port.ts'

/** `half`: fails every other time, in several ways. `silent`: takes requests and never answers. `away`: nothing listens. */
export type Mood = 'well' | 'half' | 'silent' | 'away'

export type Taken = { id: string; type: string; userId: string }

export type Receiver = {
  url: string
  /** Each request that was answered with 2xx. */
  taken: Taken[]
  requests(): number
  /** What no receiver should ever get. */
  surprises: string[]
  setMood(mood: Mood): Promise<void>
  close(): Promise<void>
}

const event = v.object({ type: v.string(), data: v.object({ user: v.object({ id: v.string() }) }) })

/** A system that events are told to, with real sockets, many moods, and a look at each signature. */
export const startReceiver = async (secret: string, random: () => number): Promise<Receiver> => {
  const webhook = new Webhook(secret)
  const [taken, surprises]: [Taken[], string[]] = [[], []]
  let mood: Mood = 'well'
  let requests = 0
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    requests += 1
    const id = String(request.headers['webhook-id'])
    try {
      const signed = Object.entries(request.headers).map(([name, value]) => [name, String(value)])
      const { type, data } = v.parse(event, webhook.verify(body, Object.fromEntries(signed)))
      if (answer(response, mood, random)) taken.push({ id, type, userId: data.user.id })
    } catch (error) {
      surprises.push(`event ${id}: ${error}`)
      response.writeHead(400).end()
    }
  })
  const port = await findFreePort()
  const listen = () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  await listen()
  return {
    ...{ url: `http://127.0.0.1:${port}/events`, taken, surprises },
    requests: () => requests,
    setMood: async (next) => {
      mood = next
      if (next === 'away') await close()
      else if (!server.listening) await listen()
    },
    close: () => (server.listening ? close() : Promise.resolve()),
  }
}

const FAULTS = [500, 503, 302, 'reset'] as const

/** Gives whether it was a yes. */
const answer = (response: ServerResponse, mood: Mood, random: () => number): boolean => {
  if (mood === 'silent') return false
  const fault = mood === 'half' && random() < 0.5 ? FAULTS[Math.floor(random() * FAULTS.length)] : 204
  if (fault === 'reset') response.destroy()
  else response.writeHead(fault ?? 204, fault === 302 ? { location: '/elsewhere' } : {}).end()
  return fault === 204
}
