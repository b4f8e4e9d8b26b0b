import { randomUUID } from 'node:crypto'
import type { Client } from 'undici'
import type { LoneApi } from '../lone-api.ts'
import type { Question } from './compare.ts'
import { addPerson, deliver, newAddress, register, send, wrongCode } from './person.ts'

/** What must not be told apart: each question with its variants. */
export const createQuestions = async (api: LoneApi, client: Client): Promise<Question[]> => [
  await registrations(api, client),
  await unauthenticated(api, client),
  await signIns(api, client),
  ...(await ownRegistration(api, client)),
]

const registrations = async (api: LoneApi, client: Client): Promise<Question> => {
  const pending = await addPerson(api, client, 'none')
  const active = await addPerson(api, client, 'of-this')
  const variant = (name: string, email: () => string) => ({ name, send: () => register(client, email()) })
  return {
    name: 'POST /v1/users',
    status: 202,
    variants: [
      variant('new address', newAddress),
      variant('pending address', () => pending.email),
      variant('active address', () => active.email),
    ],
  }
}

const unauthenticated = async (api: LoneApi, client: Client): Promise<Question> => {
  const pending = await addPerson(api, client, 'none')
  const active = await addPerson(api, client, 'of-this')
  const variant = (name: string, person: () => typeof pending) => ({
    name,
    send: () => send(client, 'GET', `/v1/users/${person().id}`, { person: person() }),
  })
  return {
    name: 'GET /v1/users/{id}, not authenticated',
    status: 401,
    variants: [
      variant('unknown id', () => ({ ...pending, id: randomUUID() })),
      variant('malformed id', () => ({ ...pending, id: 'nobody' })),
      variant('other address', () => ({ ...pending, email: active.email })),
      variant('wrong password', () => ({ ...pending, password: 'another password' })),
      variant('wrong password, active', () => ({ ...active, password: 'another password' })),
    ],
  }
}

const signIns = async (api: LoneApi, client: Client): Promise<Question> => {
  const pending = await addPerson(api, client, 'none')
  const active = await addPerson(api, client, 'of-this')
  const imported = await addPerson(api, client, 'of-this')
  await api.pool.query('update users set password_hash = $2 where id = $1', [imported.id, PLAIN_HASH])
  const variant = (name: string, person: () => typeof pending) => ({
    name,
    send: () => send(client, 'GET', '/v1/account', { person: person() }),
  })
  return {
    name: 'GET /v1/account, not authenticated',
    status: 401,
    variants: [
      variant('unknown address', () => ({ ...pending, email: newAddress() })),
      variant('malformed address', () => ({ ...pending, email: 'nobody' })),
      variant('pending address', () => pending),
      variant('wrong password', () => ({ ...active, password: 'another password' })),
      variant('wrong password, imported hash of cost 4', () => ({ ...imported, password: 'another password' })),
    ],
  }
}

// Openwall's vector of crypt_blowfish for `U*U`, at the lowest cost; its digest is that of another.
const PLAIN_HASH = '$2y$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

/** What the registrant of an address may do with his own registration, whether the address is somebody's account or not. */
const ownRegistration = async (api: LoneApi, client: Client): Promise<Question[]> => {
  const people = [
    { name: 'address free', person: await addPerson(api, client, 'none') },
    { name: 'address active elsewhere', person: await addPerson(api, client, 'of-another') },
  ]
  const question = (
    name: string,
    status: number,
    ask: (person: (typeof people)[number]['person']) => Promise<{ status: number }>,
  ): Question => ({
    name,
    status,
    variants: people.map((variant) => ({
      name: variant.name,
      prepare: () => deliver(api, variant.person),
      send: () => ask(variant.person),
    })),
  })
  const codes = new Map<string, string>()
  for (const { person } of people) codes.set(person.id, await wrongCode(api, person))
  return [
    question('GET /v1/users/{id}', 200, (person) => send(client, 'GET', `/v1/users/${person.id}`, { person })),
    question('POST …/activation, wrong code', 400, (person) =>
      send(client, 'POST', `/v1/users/${person.id}/activation`, { person, body: { code: codes.get(person.id) } }),
    ),
    // Last: it makes new codes.
    question('POST …/codes', 202, (person) => send(client, 'POST', `/v1/users/${person.id}/codes`, { person })),
  ]
}
