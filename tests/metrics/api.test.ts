import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { codeOf, otherThan, type Registered } from '../api/api-client.ts'
import { readValue } from '../ops/metric-text.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { startProgram, type TestProgram } from '../support/processes.ts'
import { growthOf, type Labels, pageOf } from './page.ts'

const database = shareTestDatabase()

const sql = (statement: string) => database.pool.query(statement)

describe("the api's metrics", () => {
  let api: TestProgram

  beforeAll(async () => {
    api = await startProgram('api', {
      DATABASE_URL: database.url,
      LIMIT_FAILED_LOGINS_PER_USER: '1/1h',
      RESEND_COOLDOWN_SECONDS: '1000',
    })
  })
  afterAll(() => api.stop())

  /** What grew while `work` ran. */
  const watch = async (work: () => Promise<unknown>) => {
    const before = await pageOf(api)
    await work()
    return growthOf(before, await pageOf(api))
  }

  const register = async (email: string, headers: Labels = {}) =>
    readUser(await fetch(`${api.url}/v1/users`, post({ email, password: PASSWORD }, headers)))

  const call = (id: string, email: string, what: 'codes' | 'activation', body: unknown = {}, password = PASSWORD) =>
    fetch(`${api.url}/v1/users/${id}/${what}`, post(body, { authorization: basic(email, password) }))

  /** A registration whose code the provider took so many seconds ago; wrong digits are of the same length. */
  const registerAndSend = async (email: string, secondsAgo = 0) => {
    const user = await register(email)
    await database.pool.query(
      `update codes
       set opened_at = now(), expires_at = now() + interval '1 minute', sent_at = now() - make_interval(secs => $2)
       where user_id = $1`,
      [user.id, secondsAgo],
    )
    return user
  }

  test('count registrations that were stored, and no repetition', async () => {
    const grown = await watch(async () => {
      await register('counted@example.com', { 'idempotency-key': 'once' })
      await register('counted@example.com', { 'idempotency-key': 'once' })
      await fetch(`${api.url}/v1/users`, post({ email: 'no address', password: PASSWORD }))
    })
    expect(grown('latchkey_registrations_total')).toBe(1)
  })

  test('tell requests apart by the pattern of their route, and never by a path or a method of the caller', async () => {
    const grown = await watch(async () => {
      await fetch(`${api.url}/v1/users/secret-path`)
      await fetch(`${api.url}/somewhere/else`, { method: 'PROPFIND' })
    })
    const labels = { route: '/v1/users/:id', method: 'GET', status: '401' }
    expect(grown('latchkey_http_request_duration_seconds_count', labels)).toBe(1)
    expect(grown('latchkey_http_request_duration_seconds_count', { method: 'other', status: '404' })).toBe(1)
    expect(await pageOf(api)).not.toMatch(/secret-path|somewhere|PROPFIND/)
  })

  test('count what came of a code, and whether it was compared', async () => {
    const person = await registerAndSend('typing@example.com', 20)
    const early = await register('early@example.com')
    const grown = await watch(async () => {
      await call(early.id, early.email, 'activation', { code: '0000' })
      for (const code of await guessesAt(person)) await call(person.id, person.email, 'activation', { code })
    })
    const outcome = (word: string) => grown('latchkey_activations_total', { outcome: word })
    expect(['code-not-sent', 'code-incorrect', 'activated', 'already-active', 'code-expired'].map(outcome)).toEqual([
      1, 1, 1, 1, 0,
    ])
    expect(grown('latchkey_code_evaluations_total', { result: 'wrong' })).toBe(1)
    expect(grown('latchkey_code_evaluations_total', { result: 'right' })).toBe(1)
    expect(grown('latchkey_acceptance_to_activation_seconds_count')).toBe(1)
    expect(grown('latchkey_acceptance_to_activation_seconds_bucket', { le: '15' })).toBe(0)
    expect(grown('latchkey_acceptance_to_activation_seconds_bucket', { le: '60' })).toBe(1)
  })

  /** A wrong code, the right one, and that one again. */
  const guessesAt = async (user: Registered) => {
    const right = await codeOf(database, user)
    return [otherThan(right), right, right]
  }

  test('count what was hashed, and what each limit refused', async () => {
    const user = await register('limited@example.com')
    const grown = await watch(async () => {
      expect((await call(user.id, user.email, 'codes')).status).toBe(429)
      for (const status of [401, 429]) {
        expect((await call(user.id, user.email, 'codes', {}, 'a wrong password')).status).toBe(status)
      }
    })
    expect(grown('latchkey_limit_refusals_total', { policy: 'resend' })).toBe(1)
    expect(grown('latchkey_limit_refusals_total', { policy: 'failed-logins-per-user' })).toBe(1)
    expect(grown('latchkey_limit_refusals_total', { policy: 'mails-per-mailbox' })).toBe(0)
    // Past its budget nothing is hashed.
    expect(grown('latchkey_hashing_duration_seconds_count', { work: 'verify' })).toBe(2)
    expect(grown('latchkey_hashing_duration_seconds_count', { work: 'hash' })).toBe(0)
    expect(grown('latchkey_hashing_refusals_total')).toBe(0)
  })

  test('show how many passwords wait, and how many were not taken', async () => {
    const slow = await startProgram('api', { DATABASE_URL: database.url, BCRYPT_COST: '12' })
    onTestFinished(() => slow.stop())
    const crowd = Array.from({ length: 32 * availableParallelism() }, (_, index) =>
      fetch(`${slow.url}/v1/users`, post({ email: `crowd${index}@example.com`, password: PASSWORD })),
    )
    await expect.poll(async () => readValue(await pageOf(slow), 'latchkey_hashing_waiting')).toBeGreaterThan(0)
    const refused = (await Promise.all(crowd)).filter(({ status }) => status === 503).length
    expect(refused).toBeGreaterThan(0)
    const page = await pageOf(slow)
    expect(readValue(page, 'latchkey_hashing_refusals_total')).toBe(refused)
    expect(readValue(page, 'latchkey_hashing_waiting')).toBe(0)
  })

  test('show the mails that wait, without a worker', async () => {
    await sql('delete from users')
    expect(readValue(await pageOf(api), 'latchkey_mails_unsettled')).toBe(0)
    expect(readValue(await pageOf(api), 'latchkey_mail_oldest_unsettled_age_seconds')).toBe(0)
    const { id } = await register('waiting@example.com')
    await register('younger@example.com')
    await database.pool.query("update mails set created_at = now() - interval '90 seconds' where user_id = $1", [id])
    const page = await pageOf(api)
    expect(readValue(page, 'latchkey_mails_unsettled')).toBe(2)
    const seconds = readValue(page, 'latchkey_mail_oldest_unsettled_age_seconds')
    expect(seconds).toBeGreaterThanOrEqual(90)
    expect(seconds).toBeLessThan(120)
    expect(readValue(page, 'latchkey_relay_lag_seconds')).toBeGreaterThanOrEqual(90)
    await sql('update mails set next_offer_at = now()')
    expect(readValue(await pageOf(api), 'latchkey_relay_lag_seconds')).toBe(0)
    await sql('delete from users')
  })

  test('show the release, health and connections', async () => {
    const page = await pageOf(api)
    expect(readValue(page, 'latchkey_build_info', { version: '0.1.0', node: process.versions.node })).toBe(1)
    expect(readValue(page, 'latchkey_check_ok', { check: 'database' })).toBe(1)
    expect(readValue(page, 'latchkey_postgres_connections_limit', { pool: 'latchkey-api' })).toBe(20)
    expect(readValue(page, 'latchkey_postgres_connections_idle', { pool: 'latchkey-api' })).toBeGreaterThan(0)
    expect(readValue(page, 'latchkey_postgres_waiting', { pool: 'latchkey-api' })).toBe(0)
  })
})
