import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import type { HashWork } from '../../src/core/credentials/hashing-queue.ts'
import { lookupKeys } from '../../src/core/credentials/keyring.ts'
import { createPasswordHasher, type PasswordHasher } from '../../src/core/credentials/password.ts'
import { type Allowance, spendAllowance, UNLIMITED } from '../../src/core/postgres/rate-limits.ts'
import { type RegisterTools, register } from '../../src/core/registration/register.ts'
import { requestDigests } from '../../src/core/registration/request-digest.ts'
import { shareTestDatabase } from '../support/database.ts'
import { keyring, useCaseTools } from './fixtures.ts'
import { record } from './postgres/plans.ts'
import { registration } from './registration.ts'

const database = shareTestDatabase()
let hasher: PasswordHasher
beforeAll(async () => {
  hasher = await createPasswordHasher(4)
})

/** What a registration needs; what it hashes is noted. */
const watch = () => {
  const works: HashWork[] = []
  const watched: PasswordHasher = {
    ...hasher,
    hash: (password, work) => {
      works.push(work)
      return hasher.hash(password, work)
    },
    verify: (password, hash, work) => {
      works.push(work)
      return hasher.verify(password, hash, work)
    },
  }
  const tools = (): RegisterTools => ({ ...useCaseTools(database), hasher: watched })
  return { tools, works }
}

test('all that is hashed for a registration is hashed as one, for as long as its client waits, and once a minute', async () => {
  const { tools, works } = watch()
  const request = registration({ idempotencyKey: randomUUID() })
  const [own, another] = [tools(), tools()]
  for (const used of [own, own, another, another]) await register(used, request)
  const work = { priority: 'registration', signal: request.signal }
  expect(works).toEqual([work, work])
})

test('without room for its hash a registration costs no statement', async () => {
  const { tools } = watch()
  const checkRoom = (priority: string) => {
    throw new Error(`no room for a ${priority}`)
  }
  const attempt = () =>
    expect(register({ ...tools(), hasher: { ...hasher, checkRoom } }, registration())).rejects.toThrow(
      'no room for a registration',
    )
  expect(await record(attempt, /begin|users|rate_limits/)).toEqual([])
})

const usedUp: Allowance = {
  ...UNLIMITED,
  counters: [{ key: 'used up', seconds: 60 }],
  refuseUsedUp: () => {
    throw new Error('no registrations left')
  },
}

test.each([null, 'a key of its own'])(
  'past its budget nothing is hashed, whatever its key: %s',
  async (idempotencyKey) => {
    const { tools, works } = watch()
    const attempt = register(tools(), { ...registration({ idempotencyKey }), budget: usedUp })
    await expect(attempt).rejects.toThrow('no registrations left')
    expect(works).toEqual([])
  },
)

test('past its budget a repetition is answered all the same, and spends nothing', async () => {
  const { tools } = watch()
  const request = registration({ idempotencyKey: randomUUID() })
  await register(tools(), request)
  expect(await register(tools(), { ...request, budget: usedUp })).toMatchObject({ isNew: false, counted: [] })
})

test('what a registration has spent is told with what was counted under older secrets', async () => {
  const budget: Allowance = {
    ...UNLIMITED,
    counters: [{ key: 'newest', seconds: 60 }],
    older: ['older'],
    maximaOf: () => [10],
  }
  for (const key of ['newest', 'older', 'older'])
    await spendAllowance(database.pool, { ...UNLIMITED, counters: [{ key, seconds: 60 }] })
  expect(await register(watch().tools(), { ...registration(), budget })).toMatchObject({
    counted: [
      { key: 'older', spent: 2 },
      { key: 'newest', spent: 2 },
    ],
  })
})

test('a repetition of what is deleted at that moment is none', async () => {
  const request = registration({ idempotencyKey: randomUUID() })
  const { tools } = watch()
  await register(tools(), request)
  const verify: PasswordHasher['verify'] = async (...work) => {
    await database.pool.query('delete from users where email = $1', [request.email])
    return hasher.verify(...work)
  }
  await expect(register({ ...tools(), hasher: { ...hasher, verify } }, request)).rejects.toThrow(
    'a registration is gone',
  )
})

test('a key and a body are kept as in every version, or no repetition of a day ago would be one', async () => {
  const idempotencyKey = randomUUID()
  const request = registration({ idempotencyKey })
  await register(watch().tools(), request)
  const kept = await database.pool.query(
    'select idempotency_key as key, idempotency_digest as digest from users where email = $1',
    [request.email],
  )
  const [key] = lookupKeys(keyring, 'idempotency-key', idempotencyKey)
  expect(kept.rows).toEqual([{ key, digest: requestDigests(keyring, request.body)[0] }])
})

test('what a registration measures of guesses on its way is noted', async () => {
  const noted: unknown[] = []
  const { tools } = watch()
  const surge = { ...tools().surge, note: (measured: unknown) => void noted.push(measured) }
  await register({ ...tools(), surge }, registration())
  expect(noted).toEqual([{ wrongCodes: 0, isSurge: false }])
})
