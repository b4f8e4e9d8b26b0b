import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider } from '../soak/provider.ts'

const EVERY_MS = 2000
const LOOK_MS = 20
const PATIENCE_MS = 120_000

/** When the 202 came, and when the provider took the mail, in milliseconds since 1970. */
export type Newcomer = { answeredAt: number; takenAt: number }

/** Real people who register one after the other through the api. `stop` resolves when the last of them has the mail. */
export const startNewcomers = (apiUrl: string, provider: Provider, name: string): { stop(): Promise<Newcomer[]> } => {
  const stopping = new AbortController()
  const waits: Promise<Newcomer>[] = []
  const come = async (): Promise<void> => {
    for (let index = 0; !stopping.signal.aborted; index += 1) {
      waits.push(wait(apiUrl, provider, `${name}${index}@example.com`))
      await sleep(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const coming = come()
  return {
    stop: async () => {
      stopping.abort()
      await coming
      return Promise.all(waits)
    },
  }
}

const wait = async (apiUrl: string, provider: Provider, email: string): Promise<Newcomer> => {
  const answer = await fetch(`${apiUrl}/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: 'correct horse battery' }),
  })
  if (answer.status !== 202) throw new Error(`a registration was answered with ${answer.status}`)
  const answeredAt = Date.now()
  for (let seen = 0; Date.now() - answeredAt < PATIENCE_MS; await sleep(LOOK_MS)) {
    for (; seen < provider.requests.length; seen += 1) {
      const request = provider.requests[seen]
      if (request?.to === email && request.isTaken) return { answeredAt, takenAt: request.at }
    }
  }
  return { answeredAt, takenAt: Number.POSITIVE_INFINITY }
}
