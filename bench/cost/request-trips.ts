import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant } from './contestants.ts'
import type { SlowProvider } from './provider.ts'

const PEOPLE = 10
const PASSWORD = 'correct horse battery'
// A notification of the relays follows its commit.
const AFTERWARDS_MS = 20

type Person = { id: string; email: string }

/**
 * Round trips to PostgreSQL of each kind of request, counted on the wire with the worker stopped: the mean over some people. What
 * enqueues a mail has the notification of the relays in it.
 */
export const measureRequestTrips = async (
  contestant: Contestant,
  provider: SlowProvider,
  count: () => number,
): Promise<Record<string, number>> => {
  const ask = (path: string, person: Person, init: RequestInit & { password?: string } = {}) =>
    fetch(`${contestant.apiUrl}${path}`, {
      ...init,
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${btoa(`${person.email}:${init.password ?? PASSWORD}`)}`,
      },
    }).then((answer) => answer.text())

  const people = await registerAll(contestant, provider)
  await contestant.stopWorker()
  const means: Record<string, number> = {}
  const measure = async (name: string, request: (person: Person) => Promise<unknown>): Promise<void> => {
    const before = count()
    for (const person of people) {
      await request(person)
      await sleep(AFTERWARDS_MS)
    }
    means[name] = (count() - before) / people.length
  }
  const status = (person: Person) => ask(`/v1/users/${person.id}`, person)
  await measure('status', status)
  await measure('status, remembered', status)
  await measure('wrong password', (person) => ask(`/v1/users/${person.id}`, person, { password: 'another password' }))
  await measure('another code', (person) => ask(`/v1/users/${person.id}/codes`, person, { method: 'POST' }))
  provider.reset()
  await contestant.startWorker()
  await provider.mailed(PEOPLE)
  await contestant.stopWorker()
  await measure('activation', (person) => {
    const code = provider.codes.get(person.email)
    return ask(`/v1/users/${person.id}/activation`, person, { method: 'POST', body: JSON.stringify({ code }) })
  })
  await measure('first sign-in check', (person) => ask('/v1/account', person))
  await measure('sign-in check', (person) => ask('/v1/account', person))
  return means
}

const registerAll = async ({ apiUrl }: Contestant, provider: SlowProvider): Promise<Person[]> => {
  provider.reset()
  const people: Person[] = []
  for (let index = 0; index < PEOPLE; index += 1) {
    const email = `trips-of-requests-${index}@example.com`
    const answer = await fetch(`${apiUrl}/v1/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: PASSWORD }),
    })
    const id = answer.headers.get('location')?.split('/').at(-1) ?? ''
    await answer.body?.cancel()
    people.push({ id, email })
  }
  await provider.mailed(PEOPLE)
  return people
}
