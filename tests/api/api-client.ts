import { expect } from 'vitest'
import { type ProblemSlug, problems } from '../../src/api/answers/problems.ts'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { deriveCode } from '../../src/core/registration/activation-code.ts'
import { readProblem, readUser } from '../support/answers.ts'
import { basic, type createTestApi, PASSWORD, post } from '../support/api.ts'
import type { TestDatabase } from '../support/database.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import { untilServed } from '../support/until-served.ts'

export type App = Awaited<ReturnType<typeof createTestApi>>
export type Registered = { id: string; email: string }

/** The network side of a request, for `app.request()`. */
export const from = (remoteAddress: string) => ({
  incoming: { socket: { remoteAddress }, rawHeaders: [], headers: {} },
})

export const register = async (app: App, email: string, password = PASSWORD) => {
  const answer = await untilServed(async () => app.request('/v1/users', post({ email, password })))
  expect(answer.status).toBe(202)
  return readUser(answer)
}

export const read = (app: App, { id, email }: Registered, password = PASSWORD) =>
  app.request(`/v1/users/${id}`, { headers: { authorization: basic(email, password) } })

export const activate = (app: App, { id, email }: Registered, code: unknown) =>
  app.request(`/v1/users/${id}/activation`, post({ code }, { authorization: basic(email) }))

export const resend = (app: App, { id, email }: Registered) =>
  app.request(`/v1/users/${id}/codes`, { method: 'POST', headers: { authorization: basic(email) } })

/** The mail provider takes the current mail now: the code's minute starts. */
export const deliver = async ({ pool }: TestDatabase, { id }: Registered) => {
  await pool.query(
    `update codes
     set opened_at = clock_timestamp(), sent_at = clock_timestamp(), expires_at = clock_timestamp() + interval '1 minute'
     where user_id = $1 and superseded_at is null`,
    [id],
  )
  await settle({ pool }, { id }, 'accepted')
}

export const settle = ({ pool }: Pick<TestDatabase, 'pool'>, { id }: Pick<Registered, 'id'>, outcome: string) =>
  pool.query('update mails set settled_at = now(), outcome = $2 where user_id = $1 and settled_at is null', [
    id,
    outcome,
  ])

/** The minute of the current code is over. */
export const expire = ({ pool }: TestDatabase, { id }: Registered) =>
  pool.query(
    `update codes
     set opened_at = opened_at - interval '2 minutes', sent_at = sent_at - interval '2 minutes', expires_at = expires_at - interval '2 minutes'
     where user_id = $1 and superseded_at is null`,
    [id],
  )

/** As if the last mail had been asked for an hour earlier. */
export const endCooldown = ({ pool }: TestDatabase, { id }: Registered) =>
  pool.query("update mails set created_at = created_at - interval '1 hour' where user_id = $1", [id])

/** The digits of the current code, as the mail shows them. */
export const codeOf = async ({ pool }: TestDatabase, { id }: Registered): Promise<string> => {
  const codes = await pool.query<{ id: string; digits: number; keyId: string }>(
    'select id, digits, key_id as "keyId" from codes where user_id = $1 and superseded_at is null',
    [id],
  )
  const [code] = codes.rows
  const digits = code && deriveCode(createKeyring([SECRET_KEY]), code)
  if (!digits) throw new Error('there is no current code')
  return digits
}

/** Another code with as many digits. */
export const otherThan = (code: string, step = 1): string =>
  String((Number(code) + step) % 10 ** code.length).padStart(code.length, '0')

/** A registration whose code is with the person. */
export const registerAndDeliver = async (app: App, database: TestDatabase, email: string) => {
  const user = await register(app, email)
  await deliver(database, user)
  return { ...user, code: await codeOf(database, user) }
}

export const registerAndActivate = async (app: App, database: TestDatabase, email: string) => {
  const user = await registerAndDeliver(app, database, email)
  expect((await activate(app, user, user.code)).status).toBe(200)
  return user
}

/** Checks all that every problem document has, and gives it for the rest. */
export const expectProblem = async (answer: Response, slug: ProblemSlug) => {
  const { status, title } = problems[slug]
  const problem = await readProblem(answer)
  expect(problem).toMatchObject({ type: `/problems/${slug}`, status, title, detail: expect.stringMatching(/\S/) })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(problem.requestId).toBe(answer.headers.get('x-request-id'))
  expect(answer.headers.get('cache-control')).toBe('no-store')
  if (status === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm="[^"]+", charset="UTF-8"$/)
  if (status === 503 || status === 429) expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
  return problem
}

export const count = async ({ pool }: TestDatabase, table: 'users' | 'codes' | 'mails' | 'guesses') => {
  const counted = await pool.query<{ count: number }>(`select count(*)::integer as count from ${table}`)
  return counted.rows[0]?.count
}

/** The statuses of calls that are made one after the other. */
export const statusesInOrder = async (times: number, call: () => Response | Promise<Response>): Promise<number[]> => {
  const found: number[] = []
  for (let i = 0; i < times; i++) found.push((await call()).status)
  return found
}
