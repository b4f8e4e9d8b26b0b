import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readUser } from './support/answers.ts'
import { basic, post } from './support/api.ts'
import { backends, startStore } from './support/backends.ts'
import { createTestDatabase, type TestDatabase } from './support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from './support/mail-provider.ts'
import { PATIENT } from './support/patient.ts'
import { startProgram, type TestProgram } from './support/processes.ts'
import type { TestRedis } from './support/redis.ts'
import { SECRET_KEY } from './support/secret-key.ts'
import { dumpRedis, dumpTables, findIn, type Place, showsShortCode } from './worker/leak-search.ts'

const ADDRESS = 'canary.w7x2q@leak-canary.example'
const REFUSED_ADDRESS = 'refused.h5n8d@leak-canary.example'
const PASSWORD = 'canary-Pässwort-k3v9t'
const WRONG_PASSWORD = 'canary-mistyped-p6r4z'
const METADATA = 'canary-metadata-q9z4t'
const WORDS_OF_PROVIDER = 'a text of the provider that must not be shown'
const KEYS = { MAIL_API_KEY: 'canary-api-key-b8m1s', OPS_USER: 'operator', OPS_PASSWORD: 'canary-ops-password-j2f7c' }

describe.each(backends)('after registrations, outages, wrong codes and wrong logins, jobs on %s', (backend) => {
  let database: TestDatabase
  let redis: TestRedis | null
  let provider: MailProvider
  let api: TestProgram
  let worker: TestProgram
  /** All codes that left, 4 digits and 8. */
  let codes: string[]
  let places: Place[]
  const answers: string[] = []

  const call = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${api.url}${path}`, init)
    if (!answer.ok) answers.push(JSON.stringify([...answer.headers]) + (await answer.clone().text()))
    return answer
  }
  const register = async (email: string) =>
    readUser(await call('/v1/users', post({ email, password: PASSWORD, metadata: { plan: METADATA } })))
  const activate = (id: string, email: string, code: unknown, password = PASSWORD) =>
    call(`/v1/users/${id}/activation`, post({ code }, { authorization: basic(email, password) }))

  const inboxHas = (email: string, count: number) =>
    vi.waitFor(() => expect(provider.inbox(email)).toHaveLength(count), PATIENT)
  const mailsWith = (condition: string, count: number) =>
    vi.waitFor(async () => {
      const found = await database.pool.query(`select 1 from mails where ${condition}`)
      expect(found.rowCount).toBe(count)
    }, PATIENT)

  /** A mail that arrives late, then a wrong code, an unreadable one, and logins that fail. */
  const registerWithMistakes = async () => {
    provider.answerWith([503, 401, 'reset'])
    const { id } = await register(ADDRESS)
    await mailsWith("outcome = 'accepted'", 1)
    const code = codeIn(provider.inbox(ADDRESS)[0])
    expect((await activate(id, ADDRESS, code === '0000' ? '1111' : '0000')).status).toBe(400)
    await activate(id, ADDRESS, `${code}x`)
    await activate(id, ADDRESS, code, WRONG_PASSWORD)
    await call(`/v1/users/${id}`, { headers: { authorization: basic(ADDRESS, WRONG_PASSWORD) } })
    await call(`/v1/users/${id}`, { headers: { authorization: `Basic ${PASSWORD}` } })
    return { id, code }
  }

  /** One wrong guess was one too many here, so this code has 8 digits, which nothing shows by chance. */
  const registerAndActivate = async () => {
    const { id } = await register(ADDRESS)
    await mailsWith("outcome = 'accepted'", 2)
    const code = codeIn(provider.inbox(ADDRESS)[1])
    expect(code).toMatch(/^\d{8}$/)
    expect((await activate(id, ADDRESS, code)).status).toBe(200)
    return code
  }

  const sendNonsense = async (code: string) => {
    await call('/v1/users', post(`{"email": "${ADDRESS}", "password": "${PASSWORD}"`))
    await call('/v1/users', post({ email: ADDRESS, password: PASSWORD, code }))
    await call('/v1/users', post({ email: `${ADDRESS}@`, password: PASSWORD }))
    await call('/v1/users', post({ email: ADDRESS, password: ADDRESS }))
    await call(`/v1/users?email=${ADDRESS}`, { method: 'DELETE' })
    await call(`/v1/${encodeURIComponent(ADDRESS)}/${PASSWORD}`)
    await call(`/problems/${code}`)
  }

  const live = async () => {
    const first = await registerWithMistakes()
    const code = await registerAndActivate()
    await activate(first.id, ADDRESS, first.code)
    // The owner of the account gets a notice.
    await register(ADDRESS)
    await inboxHas(ADDRESS, 3)
    await sendNonsense(code)
    provider.answerWith([], 422)
    const key = { 'idempotency-key': 'canary-1' }
    await call('/v1/users', post({ email: REFUSED_ADDRESS, password: PASSWORD }, key))
    await call('/v1/users', post({ email: REFUSED_ADDRESS, password: WRONG_PASSWORD }, key))
    await mailsWith("outcome = 'refused'", 1)
    provider.answerWith([], 503)
    await register(REFUSED_ADDRESS)
    await mailsWith("outcome is null and last_error = 'resend-503'", 1)
  }

  const look = async (): Promise<Place[]> => {
    const operator = { headers: { authorization: basic(KEYS.OPS_USER, KEYS.OPS_PASSWORD) } }
    const read = async (url: string, init?: RequestInit) => (await fetch(url, init)).text()
    const listing = await read(
      `${worker.opsUrl}/dashboard/api/queues?activeQueue=mail&status=latest&page=1&jobsPerPage=100`,
      operator,
    )
    const mails = await database.pool.query<{ id: string }>('select id from mails')
    const jobs = await Promise.all(
      mails.rows.flatMap(({ id }) =>
        ['', '/logs', '/flow'].map((part) => read(`${worker.opsUrl}/dashboard/api/queues/mail/${id}${part}`, operator)),
      ),
    )
    return [
      { name: "the api's log", text: api.log(), mustShow: '"status":401' },
      { name: "the worker's log", text: worker.log(), mustShow: 'resend-503' },
      await dumpTables(database.pool),
      ...(redis ? [await dumpRedis(redis.dataUrl)] : []),
      { name: "the api's metrics", text: await read(`${api.opsUrl}/metrics`), mustShow: 'status="401"' },
      {
        name: "the worker's metrics",
        text: await read(`${worker.opsUrl}/metrics`),
        mustShow: 'latchkey_mails_settled_total{',
      },
      { name: 'the dashboard', text: listing, mustShow: 'resend-422 validation-error' },
      { name: "the dashboard's jobs", text: jobs.join('\n'), mustShow: 'send-code' },
      { name: 'the problem documents', text: answers.join('\n'), mustShow: 'code-incorrect' },
    ]
  }

  beforeAll(async () => {
    ;[database, redis, provider] = await Promise.all([createTestDatabase(), startStore(backend), startMailProvider()])
    const common = { ...KEYS, DATABASE_URL: database.url, LOG_LEVEL: 'trace', LIMIT_GUESSES_PER_MAILBOX: '1/24h' }
    ;[api, worker] = await Promise.all([
      startProgram('api', common),
      startProgram('worker', { ...common, REDIS_URL: redis?.url, MAIL_URL: provider.url }),
    ])
    await live()
    codes = provider.requests.map((mail) => codeIn(mail)).filter((code) => code !== '')
    places = await look()
  })
  afterAll(async () => {
    await Promise.all([api.stop(), worker.stop()])
    await Promise.all([provider.close(), redis?.stop()])
    await database.drop()
  })

  test('every place shows what it should', () => {
    for (const { name, text, mustShow } of places) expect(text, name).toContain(mustShow)
    expect(codes.some((code) => code.length === 4)).toBe(true)
    expect(codes.some((code) => code.length === 8)).toBe(true)
  })

  test.each([
    { what: 'the password', value: PASSWORD },
    { what: 'a mistyped password', value: WRONG_PASSWORD },
    { what: 'an Authorization header', value: basic(ADDRESS, PASSWORD).slice('Basic '.length) },
    {
      what: 'an Authorization header with a wrong password',
      value: basic(ADDRESS, WRONG_PASSWORD).slice('Basic '.length),
    },
    { what: 'the whole address', value: ADDRESS },
    { what: 'the whole address of a refused mail', value: REFUSED_ADDRESS },
    { what: 'what the provider said', value: WORDS_OF_PROVIDER },
    { what: 'SECRET_KEY', value: SECRET_KEY },
    { what: 'MAIL_API_KEY', value: KEYS.MAIL_API_KEY },
    { what: 'OPS_PASSWORD', value: KEYS.OPS_PASSWORD },
  ])('no place shows $what', ({ value }) => {
    for (const { name, text } of places) expect([name, findIn(text, value)]).toEqual([name, null])
  })

  test('nothing but the row of the registration shows metadata, and no mail does', () => {
    for (const { name, text } of places)
      expect([name, findIn(text, METADATA) !== null]).toEqual([name, name === 'PostgreSQL'])
    for (const { body } of provider.requests) expect(findIn(body, METADATA)).toBe(null)
  })

  test('no place shows a code', () => {
    for (const code of codes) {
      for (const { name, text } of places) {
        expect([name, code.length === 8 ? findIn(text, code) !== null : showsShortCode(text, code)]).toEqual([
          name,
          false,
        ])
      }
    }
  })
})
