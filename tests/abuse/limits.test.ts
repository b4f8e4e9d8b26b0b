import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, deliver, otherThan } from '../api/api-client.ts'
import { basic, PASSWORD } from '../support/api.ts'
import { LIMITS, register, say, statusesOf } from './limited.ts'
import { expectRawProblem, type Service, startService } from './service.ts'
import { get, postOf, type RawAnswer } from './speak.ts'

let open: Service
beforeAll(async () => {
  open = await startService({ environment: LIMITS })
})
afterAll(() => open.close())

const login = (service: Service, id: string, password: string, localAddress: string) =>
  say(
    service,
    get(`GET /v1/users/${id} HTTP/1.1`, `Authorization: ${basic('login@example.com', password)}`),
    localAddress,
  )
const idIn = (answer: RawAnswer): string => answer.headers.location?.slice('/v1/users/'.length) ?? ''

describe('without proxies a client cannot write himself another address', () => {
  test.each(
    [
      'X-Forwarded-For: 198.51.100.%',
      'X-Forwarded-For: 127.0.0.1, 198.51.100.%',
      'Forwarded: for=198.51.100.%',
      'X-Real-IP: 198.51.100.%',
      'X-Client-IP: 198.51.100.%',
      'True-Client-IP: 198.51.100.%',
      'CF-Connecting-IP: 198.51.100.%',
      'X-Forwarded-For: 2001:db8:%::1',
      '__proto__: 198.51.100.%',
    ].map((header, index) => ({ header, localAddress: `127.0.1.${index + 1}` })),
  )('$header', async ({ header, localAddress }) => {
    const froms = [1, 2, 3].map((number) => ({ localAddress, headers: [header.replace('%', String(number))] }))
    expect(await statusesOf(open, froms)).toEqual([202, 202, 429])
  })
})

describe('registrations of a network', () => {
  test('at once cannot exceed the budget', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => register(open, { localAddress: '127.0.2.1' })))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2)
    for (const answer of answers.filter(({ status }) => status !== 202))
      expectRawProblem(answer, 429, 'too-many-requests')
  })

  test('tell the client what is left of its own budget, and when to come back', async () => {
    const [first, , refused] = [
      await register(open, { localAddress: '127.0.2.2' }),
      await register(open, { localAddress: '127.0.2.2' }),
      await register(open, { localAddress: '127.0.2.2' }),
    ]
    expect(first.headers['ratelimit-policy']).toMatch(/^"[\w-]+";q=2;w=3600, "[\w-]+";q=10;w=86400$/)
    expect(first.headers.ratelimit).toMatch(/;r=1;t=\d+, .*;r=9;t=\d+$/)
    expect(first.headers.ratelimit).not.toContain('mailbox')
    expectRawProblem(refused, 429, 'too-many-requests')
    expect(refused.headers.ratelimit).toContain(`r=0;t=${refused.headers['retry-after']}`)
  })
})

describe('mails of a mailbox', () => {
  test('are limited over networks, tags and dots, and for a known mailbox as for a new one', async () => {
    const spellings = ['da.vid', 'david', 'd.a.v.i.d+news', 'david+1', 'dav.id']
    const answers: RawAnswer[] = []
    for (const [index, local] of spellings.entries())
      answers.push(await register(open, { localAddress: `127.0.3.${index + 1}` }, `${local}@gmail.com`))
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 429])
    expect((await register(open, { localAddress: '127.0.3.9' }, 'david@example.org')).status).toBe(202)
  })

  test('asked for again count too, half of them for a network', async () => {
    const answer = await register(open, { localAddress: '127.0.3.10' }, 'ada@example.com')
    const id = idIn(answer)
    const resend = async (localAddress: string) => {
      await deliver(open.database, { id, email: '' })
      const bytes = get(
        `POST /v1/users/${id}/codes HTTP/1.1`,
        `Authorization: ${basic('ada@example.com')}`,
        'Content-Length: 0',
      )
      return (await say(open, bytes, localAddress)).status
    }
    const statuses: number[] = []
    for (const host of [10, 10, 11, 11, 12]) statuses.push(await resend(`127.0.3.${host}`))
    expect(statuses).toEqual([202, 429, 202, 202, 429])
  })
})

describe('failed logins', () => {
  test('of a registration are limited over networks, known or not, and then the right password helps nobody', async () => {
    const id = idIn(await register(open, { localAddress: '127.0.4.1' }, 'login@example.com'))
    for (const tried of [id, randomUUID(), 'no-uuid']) {
      const statuses = [1, 2, 3].map((net) => login(open, tried, 'wrong password', `127.0.5.${net}`))
      expect((await Promise.all(statuses)).filter(({ status }) => status === 401).length).toBeLessThanOrEqual(2)
      expectRawProblem(await login(open, tried, PASSWORD, '127.0.5.9'), 429, 'too-many-requests')
    }
  })

  test('of a network are limited over registrations', async () => {
    const statuses: number[] = []
    for (let index = 0; index < 5; index++)
      statuses.push((await login(open, randomUUID(), 'wrong password', '127.0.6.1')).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    expect((await login(open, randomUUID(), 'wrong password', '127.0.6.2')).status).toBe(401)
  })

  test('100 at once are no more', async () => {
    const id = randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => login(open, id, 'wrong password', `127.0.7.${index + 1}`)),
    )
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(2)
  })
})

test('wrong codes of a network are limited over registrations, and past that a right one is refused alike', async () => {
  const addPerson = async (email: string, localAddress: string) => {
    const person = { id: idIn(await register(open, { localAddress }, email)), email }
    await deliver(open.database, person)
    return { ...person, code: await codeOf(open.database, person) }
  }
  const [first, second] = [
    await addPerson('wrong1@example.com', '127.0.8.1'),
    await addPerson('wrong2@example.com', '127.0.8.2'),
  ]
  const guess = ({ id, email }: { id: string; email: string }, code: string) => {
    const bytes = postOf(`/v1/users/${id}/activation`, JSON.stringify({ code }), `Authorization: ${basic(email)}`)
    return say(open, bytes, '127.0.8.9')
  }
  expect((await guess(first, '12a4')).status).toBe(422)
  expect((await guess(first, otherThan(first.code))).status).toBe(400)
  expect((await guess(second, otherThan(second.code))).status).toBe(400)
  expectRawProblem(await guess(second, second.code), 429, 'too-many-requests')
  expectRawProblem(await guess(second, otherThan(second.code, 2)), 429, 'too-many-requests')
})

test('what cannot be counted is not done: without the counters a registration is 503, and no mail is stored', async () => {
  const countMails = async () => (await open.database.pool.query('select 1 from mails')).rowCount
  const before = await countMails()
  await open.database.pool.query('alter table rate_limits rename to rate_limits_gone')
  try {
    expectRawProblem(await register(open, { localAddress: '127.0.9.1' }), 503, 'unavailable')
    expectRawProblem(await login(open, randomUUID(), PASSWORD, '127.0.9.1'), 503, 'unavailable')
  } finally {
    await open.database.pool.query('alter table rate_limits_gone rename to rate_limits')
  }
  expect(await countMails()).toBe(before)
  expect((await register(open, { localAddress: '127.0.9.1' })).status).toBe(202)
})
