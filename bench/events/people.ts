import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import type { Provider } from '../soak/provider.ts'

const PATIENCE_MS = 8000
const MAX_TRIES = 300
const PASSWORD = 'correct horse battery'

const user = v.object({ id: v.string() })

/** Milliseconds from the 202 to the provider's take of the mail. */
export type Person = { id: string; mailAfterMs: number }

type Place = { apiUrls: string[]; provider: Provider }

/** Registers, waits for the mail and activates, as often as it takes. Rejects when it takes too long. */
export const activateOne = async ({ apiUrls, provider }: Place, email: string, index: number): Promise<Person> => {
  const post = (path: string, body: object, headers: Record<string, string>) =>
    untilAnswered((tries) => ask(`${apiUrls[(index + tries) % apiUrls.length]}${path}`, body, headers))
  const registered = await post('/v1/users', { email, password: PASSWORD }, { 'idempotency-key': email })
  const at = Date.now()
  const { id } = v.parse(user, registered)
  const mail = await waitForMail(provider, email)
  const authorization = `Basic ${Buffer.from(`${email}:${PASSWORD}`).toString('base64')}`
  await post(`/v1/users/${id}/activation`, { code: codeIn(mail.text) }, { authorization })
  return { id, mailAfterMs: Math.max(0, mail.at - at) }
}

const untilAnswered = async (tryIt: (tries: number) => Promise<unknown>): Promise<unknown> => {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const answer = await tryIt(tries)
    if (answer !== null) return answer
    await sleep(100 + Math.random() * 400)
  }
  throw new Error(`no answer after ${MAX_TRIES} tries`)
}

/** Null when there was no answer, or one that may be another soon: also of a code whose acceptance is not recorded yet. */
const ask = async (url: string, body: object, headers: Record<string, string>): Promise<unknown> => {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    const read = await answer.json()
    return answer.ok ? read : null
  } catch {
    return null
  }
}

const waitForMail = async (provider: Provider, email: string) => {
  for (let looks = 0; looks < 4000; looks += 1) {
    const mail = provider.requests.findLast(({ to, isTaken }) => to === email && isTaken)
    if (mail) return mail
    await sleep(10)
  }
  throw new Error(`${email} got no mail`)
}

const codeIn = (text: string): string => /^(?:\d{4}|\d{8})$/m.exec(text)?.[0] ?? ''
