import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import type { Random } from './random.ts'

const PATIENCE_MS = 8000
const MAX_TRIES = 200
const PASSWORD = 'correct horse battery'

/** A registration that was answered with 202. `tries` counts the requests that it took. */
export type Registration = { id: string; email: string; at: number; tries: number }

export type People = {
  registered: Registration[]
  /** Answers that nobody should ever get. */
  surprises: string[]
  /** Sends nobody new, and resolves when everybody has a 202. */
  stop(): Promise<void>
}

/** How many people there are in all, and how many of them at once are without their 202. */
export type Crowd = { most: number; atOnce: number }

const ENDLESS: Crowd = { most: Number.POSITIVE_INFINITY, atOnce: Number.POSITIVE_INFINITY }

/** People who register one after the other, and repeat with the same key until they have their 202. */
export const startPeople = (
  apiUrls: readonly [string, ...string[]],
  perSecond: number,
  random: Random,
  { most, atOnce }: Crowd = ENDLESS,
): People => {
  const [registered, surprises]: [Registration[], string[]] = [[], []]
  const stopping = new AbortController()
  const inHand = new Set<Promise<void>>()
  const send = async (): Promise<void> => {
    for (let index = 0; index < most && !stopping.signal.aborted; index += 1) {
      if (inHand.size >= atOnce) await Promise.race(inHand)
      const one = register(`person${index}@example.com`, { apiUrls, random, registered, surprises })
      inHand.add(one)
      void one.then(() => inHand.delete(one))
      await sleep(random.between(0, 2000 / perSecond), undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const sending = send()
  return {
    registered,
    surprises,
    stop: async () => {
      stopping.abort()
      await sending
      await Promise.all(inHand)
    },
  }
}

type Place = {
  apiUrls: readonly [string, ...string[]]
  random: Random
  registered: Registration[]
  surprises: string[]
}

const register = async (email: string, { apiUrls, random, registered, surprises }: Place): Promise<void> => {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask(random.pick(apiUrls), email)
    if (answer !== 'later' && !('id' in answer)) return void surprises.push(`${email}: ${answer.status}`)
    if (answer !== 'later') {
      registered.push({ id: answer.id, email, at: Date.now(), tries })
      break
    }
    if (tries === MAX_TRIES) return void surprises.push(`${email}: no 202 after ${MAX_TRIES} tries`)
    await sleep(random.between(200, 1200))
  }
  if (random.next() > 0.1) return
  const again = await ask(random.pick(apiUrls), email)
  const first = registered.find((one) => one.email === email)
  if (again !== 'later' && (!('id' in again) || again.id !== first?.id)) surprises.push(`${email}: two users for a key`)
}

const user = v.object({ id: v.string() })

type Answer = { id: string } | { status: number } | 'later'

const ask = async (apiUrl: string, email: string): Promise<Answer> => {
  try {
    const answer = await fetch(`${apiUrl}/v1/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': email },
      body: JSON.stringify({ email, password: PASSWORD }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    const body: unknown = await answer.json()
    if (answer.status === 202) return v.parse(user, body)
    return answer.status === 503 ? 'later' : { status: answer.status }
  } catch {
    return 'later'
  }
}
