import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { activate } from '../../src/core/registration/activate.ts'
import { deriveCode } from '../../src/core/registration/activation-code.ts'
import { shareTestDatabase } from '../support/database.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import { addPending, attempt, digitsOf, keyring, openFor, otherThan, readCode, type, useCaseTools } from './fixtures.ts'
import { record } from './postgres/plans.ts'

const database = shareTestDatabase()
beforeEach(() => database.pool.query('delete from guesses'))

const addOpen = async () => {
  const pending = await addPending(database)
  await openFor(database, pending.codeId)
  return { ...pending, code: await digitsOf(database, pending.codeId) }
}

/** An older code of the same registration, and length, as that one. */
const addOlder = (codeId: string, olderId: string) =>
  database.pool.query(
    `insert into codes (id, user_id, digits, key_id, mailbox_keys, superseded_at)
     select $2, user_id, digits, key_id, mailbox_keys, now()
     from codes
     where id = $1`,
    [codeId, olderId],
  )

const supersede = (codeId: string) =>
  database.pool.query('update codes set superseded_at = now() where id = $1', [codeId])

describe('beside an older code', () => {
  test('a wrong one is a guess', async () => {
    const open = await addOpen()
    const olderId = randomUUID()
    await addOlder(open.codeId, olderId)
    await openFor(database, olderId)
    const older = await digitsOf(database, olderId)
    const wrong = [1, 2, 3].map((step) => String((Number(open.code) + step) % 10_000).padStart(4, '0'))
    expect(await type(database, open, wrong.find((code) => code !== older) ?? '')).toMatchObject({ attemptsLeft: 2 })
  })

  test('the current one is right, though both be of the same digits', async () => {
    const open = await addOpen()
    const [{ id: keyId }] = keyring
    const isAlike = (id: string) => deriveCode(keyring, { id, digits: 4, keyId }) === open.code
    let olderId = randomUUID()
    while (!isAlike(olderId)) olderId = randomUUID()
    await addOlder(open.codeId, olderId)
    await openFor(database, olderId)
    expect(await type(database, open, open.code)).toBe('activated')
  })

  test('one that was never out is told to be expired only if the other was out', async () => {
    const pending = await addPending(database)
    const olderId = randomUUID()
    await addOlder(pending.codeId, olderId)
    expect(await type(database, pending, '0000')).toBe('code-not-sent')
    await openFor(database, olderId)
    expect(await type(database, pending, '0000')).toBe('code-expired')
  })
})

test('without a current code none was sent, or it is expired', async () => {
  const pending = await addPending(database)
  await supersede(pending.codeId)
  expect(await type(database, pending, '0000')).toBe('code-not-sent')
  const open = await addOpen()
  await supersede(open.codeId)
  expect(await type(database, open, open.code)).toBe('code-expired')
  expect(await readCode(database, open.codeId)).toMatchObject({ attempts: 0 })
})

test.each([
  ['as it was', "clock_timestamp() - interval '20 seconds'", [20, 600]],
  ['as none when the clocks differ', "clock_timestamp() + interval '20 seconds'", [0, 0]],
])('the time from the mail to the activation is given %s', async (_what, sentAt, [least = 0, most = 0]) => {
  const open = await addOpen()
  await database.pool.query(`update codes set sent_at = ${sentAt} where id = $1`, [open.codeId])
  const { active } = await activate(useCaseTools(database), attempt(open.user, open.code))
  expect(active?.typedAfterSeconds).toBeGreaterThanOrEqual(least)
  expect(active?.typedAfterSeconds).toBeLessThanOrEqual(most)
})

test('it is not given when the acceptance is not recorded, nor for a repetition', async () => {
  const open = await addOpen()
  await database.pool.query('update codes set sent_at = null where id = $1', [open.codeId])
  for (const activated of ['activated', 'already-active'])
    expect(await activate(useCaseTools(database), attempt(open.user, open.code))).toMatchObject({
      activated,
      active: { user: { id: open.user.id }, typedAfterSeconds: null },
    })
})

test('what does not activate gives no active registration', async () => {
  const open = await addOpen()
  const { active } = await activate(useCaseTools(database), attempt(open.user, otherThan(open.code)))
  expect(active).toBeNull()
})

test('the locks of a mailbox are taken in one order, however its keys stand', async () => {
  const open = await addOpen()
  const older = 'another secret key that only the tests use'
  const locksUnder = async (...secrets: string[]) => {
    const tools = { ...useCaseTools(database), keyring: createKeyring(secrets) }
    const locks = await record(() => activate(tools, attempt(open.user, otherThan(open.code))), /advisory_xact_lock/)
    return locks.map(({ values }) => values)
  }
  const locks = await locksUnder(SECRET_KEY, older)
  expect(locks).toHaveLength(2)
  expect(await locksUnder(older, SECRET_KEY)).toEqual(locks)
})
