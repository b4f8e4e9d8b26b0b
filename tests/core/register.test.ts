import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { createPasswordHasher, type PasswordHasher } from '../../src/core/credentials/password.ts'
import { type Allowance, type Counted, UNLIMITED } from '../../src/core/postgres/rate-limits.ts'
import { type RegisterTools, register } from '../../src/core/registration/register.ts'
import { createTestDatabase, type TestDatabase, useTestDatabase } from '../support/database.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import { addActive, age, digitsOf, useCaseTools } from './fixtures.ts'
import { registration } from './registration.ts'

let database: TestDatabase
let hasher: PasswordHasher
beforeAll(async () => {
  ;[database, hasher] = await Promise.all([createTestDatabase(), createPasswordHasher(4)])
})
afterAll(() => database.drop())

const tools = (): RegisterTools => ({ ...useCaseTools(database), hasher })

const rowsOf = async (email: string, { pool } = database) => {
  const found = await pool.query<{ users: number; codes: number; mails: number }>(
    `select count(distinct users.id)::integer as users, count(distinct codes.id)::integer as codes,
       count(distinct mails.id)::integer as mails
     from users
     left join codes on codes.user_id = users.id
     left join mails on mails.user_id = users.id
     where email = $1`,
    [email],
  )
  return found.rows[0]
}

test('a registration is a user, a code and a mail', async () => {
  const request = registration()
  expect(await register(tools(), request)).toMatchObject({
    user: { status: 'pending', email: request.email },
    isNew: true,
  })
  expect(await rowsOf(request.email)).toEqual({ users: 1, codes: 1, mails: 1 })
})

test('the relays are told when a registration commits', async () => {
  const client = await database.pool.connect()
  const told = new Promise((resolve) => client.once('notification', ({ channel }) => resolve(channel)))
  await client.query('listen latchkey_mails')
  await register(tools(), registration())
  expect(await told).toBe('latchkey_mails')
  client.release(true)
})

test('an address may be registered any number of times, active or not, and each stands alone', async () => {
  const { user } = await addActive(database)
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => register(tools(), registration({ email: user.email }))),
  )
  expect(new Set(answers.map((answer) => (typeof answer === 'object' ? answer.user.id : answer))).size).toBe(5)
  expect(await rowsOf(user.email)).toEqual({ users: 6, codes: 6, mails: 6 })
})

test('neither password nor code is stored', async () => {
  const request = registration({ password: 'a password that is nowhere' })
  const answer = await register(tools(), request)
  const userId = typeof answer === 'object' ? answer.user.id : answer
  const stored = await database.pool.query<{ codeId: string; all: string }>(
    `select codes.id as "codeId", row_to_json(users)::text || row_to_json(codes)::text || row_to_json(mails)::text as all
     from users
     join codes on codes.user_id = users.id
     join mails on mails.user_id = users.id
     where users.id = $1`,
    [userId],
  )
  const row = stored.rows[0]
  expect(row?.all).not.toContain(request.password)
  expect(row?.all).not.toMatch(new RegExp(`"${await digitsOf(database, row?.codeId ?? '')}"`))
})

test.each(['codes', 'mails'])('nothing is half-stored when the insert into %s fails', async (table) => {
  const own = await useTestDatabase()
  await own.pool.query(`alter table ${table} add constraint no_more check (false) not valid`)
  const request = registration()
  await expect(register({ ...tools(), pool: own.pool }, request)).rejects.toThrow('no_more')
  expect(await rowsOf(request.email, own)).toEqual({ users: 0, codes: 0, mails: 0 })
})

test('the same idempotency key with the same body gives the same user and sends nothing new', async () => {
  const request = registration({ idempotencyKey: randomUUID() })
  const first = await register(tools(), request)
  expect(first).toMatchObject({ isNew: true })
  expect(await register(tools(), request)).toEqual({ ...(typeof first === 'object' && first), isNew: false })
  expect(await rowsOf(request.email)).toEqual({ users: 1, codes: 1, mails: 1 })
})

test.each([
  ['address', { email: 'other@example.com' }],
  ['password', { password: 'another long password' }],
])('the same idempotency key with another %s is refused', async (_part, other) => {
  const request = registration({ idempotencyKey: randomUUID() })
  await register(tools(), request)
  expect(await register(tools(), { ...request, ...other, body: { ...request.body, ...other } })).toBe(
    'idempotency-key-reused',
  )
})

test('twenty parallel requests with one idempotency key make one registration', async () => {
  const request = registration({ idempotencyKey: randomUUID() })
  const answers = await Promise.all(Array.from({ length: 20 }, () => register(tools(), request)))
  expect(answers.filter((answer) => typeof answer === 'object' && answer.isNew)).toHaveLength(1)
  expect(new Set(answers.map((answer) => (typeof answer === 'object' ? answer.user.id : answer))).size).toBe(1)
  expect(await rowsOf(request.email)).toEqual({ users: 1, codes: 1, mails: 1 })
})

test('an idempotency key is free again after 24 hours', async () => {
  const request = registration({ idempotencyKey: randomUUID() })
  const first = await register(tools(), request)
  await age(database, typeof first === 'object' ? first.user.id : first, 86_401)
  expect(await register(tools(), request)).toMatchObject({ isNew: true })
  expect(await rowsOf(request.email)).toMatchObject({ users: 2 })
})

test('an idempotency key is known over a rotation of the secret', async () => {
  const request = registration({ idempotencyKey: randomUUID() })
  const first = await register(tools(), request)
  const rotated = createKeyring(['a newer secret key that only the tests use', SECRET_KEY])
  const repeated = await register({ ...tools(), keyring: rotated }, request)
  expect(repeated).toEqual({ ...(typeof first === 'object' && first), isNew: false })
})

test('a request that is gone before its hash is made stores nothing', async () => {
  const request = { ...registration(), signal: AbortSignal.abort(new Error('gone')) }
  await expect(register(tools(), request)).rejects.toThrow('gone')
  expect(await rowsOf(request.email)).toEqual({ users: 0, codes: 0, mails: 0 })
})

test('what others have spent meanwhile is refused by its transaction, of which nothing is kept', async () => {
  const request = registration()
  const looks: Counted[][] = []
  const budget: Allowance = {
    ...UNLIMITED,
    counters: [{ key: 'all are spent', seconds: 60 }],
    refuseUsedUp: (looked) => {
      if (looks.push(looked) === 2) throw new Error('used up')
    },
    maximaOf: () => [0],
  }
  await expect(register(tools(), { ...request, budget })).rejects.toThrow('used up')
  expect(looks).toEqual([[], []])
  expect(await rowsOf(request.email)).toEqual({ users: 0, codes: 0, mails: 0 })
})

test('a budget whose window ended meanwhile is looked at again', async () => {
  const request = registration()
  const most = [0, 1]
  const budget: Allowance = {
    ...UNLIMITED,
    counters: [{ key: 'a new window', seconds: 60 }],
    maximaOf: () => [most.shift() ?? 0],
  }
  expect(await register(tools(), { ...request, budget })).toMatchObject({
    isNew: true,
    counted: [{ key: 'a new window', spent: 1 }],
  })
  expect(await rowsOf(request.email)).toEqual({ users: 1, codes: 1, mails: 1 })
})
