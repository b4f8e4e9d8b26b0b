import { createServer, type IncomingMessage } from 'node:http'
import { findFreePort } from '../../dev/free-port.ts'
import { answerIn, type Mood } from './provider-answers.ts'

/** A request that arrived whole. `isTaken`: the provider has the mail, whether or not it said so. */
export type Request = { at: number; key: string; to: string; text: string; body: string; mood: Mood; isTaken: boolean }

export type Provider = {
  url: string
  requests: Request[]
  mood(): Mood
  setMood(mood: Mood): Promise<void>
  close(): Promise<void>
}

/** A provider with real sockets and many moods. It honours idempotency keys: a mail under a key that it took is a copy, and dropped. */
export const startProvider = async (): Promise<Provider> => {
  const requests: Request[] = []
  let mood: Mood = 'well'
  const server = createServer(async (request, response) => {
    const mail = await readMail(request).catch(() => null)
    if (!mail) return
    const arrived = { ...mail, at: Date.now(), mood }
    requests.push({ ...arrived, isTaken: answerIn(mood, response) })
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
    url: `http://127.0.0.1:${port}`,
    requests,
    mood: () => mood,
    setMood: async (next) => {
      mood = next
      if (next === 'refusing') await close()
      else if (!server.listening) await listen()
    },
    close,
  }
}

const readMail = async (request: IncomingMessage): Promise<Pick<Request, 'key' | 'to' | 'text' | 'body'>> => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  const { to, text } = JSON.parse(body)
  return { key: String(request.headers['idempotency-key']), to, text, body }
}
