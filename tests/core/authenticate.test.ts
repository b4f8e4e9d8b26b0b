import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { createPasswordHasher, type PasswordHasher } from '../../src/core/credentials/password.ts'
import { createVerifiedCredentials } from '../../src/core/credentials/verified-credentials.ts'
import { UNLIMITED } from '../../src/core/postgres/rate-limits.ts'
import { authenticate } from '../../src/core/registration/authenticate.ts'
import { PASSWORD } from '../support/api.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { addPending } from './fixtures.ts'

let database: TestDatabase
let hasher: PasswordHasher
beforeAll(async () => {
  ;[database, hasher] = await Promise.all([createTestDatabase(), createPasswordHasher(4)])
})
afterAll(() => database.drop())

const { signal } = new AbortController()
const request = { network: '192.0.2.1', logins: UNLIMITED, isRemembered: false, signal }
const tools = () => ({ pool: database.pool, hasher, verified: createVerifiedCredentials() })

const addWithPassword = async (email?: string) => {
  const { user } = await addPending(database, email)
  const passwordHash = await hasher.hash(PASSWORD, { priority: 'registration', signal })
  await database.pool.query('update users set password_hash = $2 where id = $1', [user.id, passwordHash])
  return { ...user, passwordHash }
}

test('the password of that very registration opens it', async () => {
  const user = await addWithPassword()
  const claim = { ...request, userId: user.id, email: user.email, password: PASSWORD }
  expect(await authenticate(tools(), claim)).toMatchObject({ user })
})

test.each([
  ['an unknown id', { userId: randomUUID() }],
  ['a malformed id', { userId: null }],
  ['another address', { email: 'other@example.com' }],
  ['a malformed address', { email: null }],
  ['another password', { password: 'another long password' }],
])('%s opens nothing, after one look-up and one bcrypt', async (_what, wrong) => {
  const user = await addWithPassword()
  const verified: (string | null)[] = []
  const counting: PasswordHasher = {
    ...hasher,
    verify: (password, hash, work) => {
      verified.push(hash)
      return hasher.verify(password, hash, work)
    },
  }
  const lookUps = vi.spyOn(database.pool, 'read').mockClear()
  const claim = { ...request, userId: user.id, email: user.email, password: PASSWORD, ...wrong }
  expect(await authenticate({ ...tools(), hasher: counting }, claim)).toBeNull()
  expect(lookUps).toHaveBeenCalledOnce()
  expect(verified).toHaveLength(1)
})

test('only who is to be remembered is, and his password is hashed as a sign-in is', async () => {
  const user = await addWithPassword()
  const verify = vi.spyOn(hasher, 'verify')
  onTestFinished(() => verify.mockRestore())
  const own = tools()
  for (const isRemembered of [false, true]) {
    const claim = { ...request, userId: user.id, email: user.email, password: PASSWORD, isRemembered }
    expect(await authenticate(own, claim)).toMatchObject({ user })
    expect(own.verified.holds(`${user.id} ${request.network}`, PASSWORD)).toBe(isRemembered)
    expect(verify).toHaveBeenLastCalledWith(PASSWORD, user.passwordHash, { priority: 'sign-in', signal })
  }
})

test('the password of another registration of the same address opens nothing', async () => {
  const mine = await addWithPassword()
  const other = await addPending(database, mine.email)
  const claim = { ...request, userId: other.user.id, email: mine.email, password: PASSWORD }
  await database.pool.query('update users set password_hash = $2 where id = $1', [
    other.user.id,
    await hasher.hash('another long password', { priority: 'registration', signal }),
  ])
  expect(await authenticate(tools(), claim)).toBeNull()
})
