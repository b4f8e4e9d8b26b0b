import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { otherThan } from '../api/api-client.ts'
import { basic, PASSWORD } from '../support/api.ts'
import { codeIn } from '../support/mail-provider.ts'
import { type Person, type Service, startService } from './service.ts'
import { get, postOf, type RawAnswer, speak } from './speak.ts'

let service: Service
let owner: Person
beforeAll(async () => {
  service = await startService({
    hasWorker: true,
    environment: { LIMIT_REGISTRATIONS_PER_NET: '1000/1h', LIMIT_MAILS_PER_MAILBOX: '1000/1h' },
  })
  owner = await service.registerAndActivate('active@example.com')
  await service.register('pending@example.com')
})
afterAll(() => service.close())

/** What is left of an answer when ids, times, references, addresses and counts are blotted out. */
const shapeOf = ({ status, headers, body }: RawAnswer = NONE): string =>
  `${status} ${JSON.stringify(headers)} ${body}`
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'an id')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time')
    .replaceAll(/"ref":"[^"]+"/g, 'a ref')
    .replaceAll(/[a-z0-9]+@example\.com/g, 'an address')
    .replaceAll(/"content-length":"\d+"|[rt]=\d+|\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT/g, 'x')
const NONE = { status: 0, headers: {}, body: '' }

const say = async (bytes: string | Buffer) => (await speak(service.url, bytes)).answers[0]
const registerRaw = (email: string) => say(postOf('/v1/users', JSON.stringify({ email, password: PASSWORD })))
const ask = (method: 'GET' | 'POST', { id, email }: Person, path = '', body = '') => {
  const authorization = `Authorization: ${basic(email)}`
  const target = `/v1/users/${id}${path}`
  return say(method === 'GET' ? get(`GET ${target} HTTP/1.1`, authorization) : postOf(target, body, authorization))
}
const settled = (person: Person) => service.settled(person)

describe.each(['pending@example.com', 'active@example.com'])(
  'who registers %s sees what a new address sees',
  (email) => {
    const people: Person[] = []
    beforeAll(async () => {
      for (const address of [email, `new${email.length}@example.com`])
        people.push(await settled(await service.register(address)))
    })

    test('in the answer to the registration', async () => {
      const [known, unknown] = [await registerRaw(email), await registerRaw(`fresh${email.length}@example.com`)]
      expect(known?.status).toBe(202)
      expect(shapeOf(known)).toBe(shapeOf(unknown))
    })

    test.each([
      { what: 'the status', method: 'GET', path: '', body: '' },
      { what: 'a wrong code', method: 'POST', path: '/activation', body: '{"code":"00000000"}' },
      { what: 'an unreadable code', method: 'POST', path: '/activation', body: '{"code":"12a4"}' },
      { what: 'a resend', method: 'POST', path: '/codes', body: '' },
      { what: 'the status after a resend', method: 'GET', path: '', body: '' },
    ] as const)('in the answer to $what', async ({ what, method, path, body }) => {
      if (what === 'the status after a resend') await Promise.all(people.map(settled))
      const [known, unknown] = await Promise.all(people.map((person) => ask(method, person, path, body)))
      expect(known?.status).toBeGreaterThan(0)
      expect(shapeOf(known)).toBe(shapeOf(unknown))
    })
  },
)

test('the owner is told once, whatever is registered and asked for in his name, and gets no code', async () => {
  const people = await Promise.all(Array.from({ length: 5 }, () => service.register(owner.email)))
  await Promise.all(people.map(settled))
  for (const person of people.slice(0, 2)) await service.resend(person)
  await Promise.all(people.map(settled))
  expect(service.provider.inbox(owner.email).map(codeIn)).toEqual([expect.stringMatching(/^\d{4}$/), ''])
})

test('a pre-hijacker’s registration dies when the owner activates his own, and his answers do not change', async () => {
  const email = 'victim@example.com'
  const hijacker = await service.registerWithCode(email)
  const before = await ask('GET', hijacker)
  await service.registerAndActivate(email)
  expect(shapeOf(await ask('GET', hijacker))).toBe(shapeOf(before))
  const wrong = await ask('POST', hijacker, '/activation', `{"code":"${otherThan(hijacker.code)}"}`)
  const right = await ask('POST', hijacker, '/activation', `{"code":"${hijacker.code}"}`)
  expect(right?.status).toBe(400)
  expect(right?.body).toContain('/problems/code-incorrect')
  expect(shapeOf(right).replace('"attemptsLeft":1', '"attemptsLeft":2')).toBe(shapeOf(wrong))
  const again = await service.resend(hijacker)
  expect(again.status).toBe(202)
  await settled(hijacker)
  expect(await service.read(hijacker)).toMatchObject({ status: 'pending', activatedAt: null })
  expect(service.provider.inbox(email).filter((mail) => codeIn(mail) !== '')).toHaveLength(2)
})

test('an Idempotency-Key of somebody else tells nothing of his registration', async () => {
  const key = { 'idempotency-key': 'a-key-of-ada' }
  await service.register('keeper@example.com', key)
  for (const email of ['keeper@example.com', 'other@example.com']) {
    const body = JSON.stringify({ email, password: 'another password' })
    const answer = await say(postOf('/v1/users', body, 'Idempotency-Key: a-key-of-ada'))
    expect([answer?.status, answer?.body.includes('keeper')]).toEqual([422, false])
  }
})

test('nothing can be listed, and nothing is there without credentials', async () => {
  expect((await say(get('GET /v1/users HTTP/1.1')))?.status).toBe(405)
  expect((await say(get('GET /v1/users/ HTTP/1.1')))?.status).toBe(404)
  expect((await say(get(`GET /v1/users/${owner.id} HTTP/1.1`)))?.status).toBe(401)
})
