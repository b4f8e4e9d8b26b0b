import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { activate } from '../../src/core/registration/activate.ts'
import { shareTestDatabase } from '../support/database.ts'
import { addGuesses } from './add-guesses.ts'
import {
  addActive,
  addPending,
  age,
  attempt,
  digitsOf,
  openFor,
  otherThan,
  type Pending,
  readCode,
  type,
  useCaseTools,
} from './fixtures.ts'

const database = shareTestDatabase()
// What is guessed at one mailbox counts for the whole service too.
beforeEach(() => database.pool.query('delete from guesses'))

const addOpen = async (email?: string): Promise<Pending & { code: string }> => {
  const pending = await addPending(database, email)
  await openFor(database, pending.codeId)
  return { ...pending, code: await digitsOf(database, pending.codeId) }
}

const guessesAt = async () => {
  const found = await database.pool.query<{ count: number }>('select count(*)::integer as count from guesses')
  return found.rows[0]?.count ?? Number.NaN
}

const activeRowsOf = async (email: string) => {
  const found = await database.pool.query('select 1 from users where email = $1 and activated_at is not null', [email])
  return found.rowCount
}

test('the right code activates, and repeating it is harmless', async () => {
  const open = await addOpen()
  expect(await type(database, open, open.code)).toBe('activated')
  expect(await type(database, open, open.code)).toBe('already-active')
  expect(await type(database, open, otherThan(open.code))).toBe('already-active')
})

test('the third attempt may still be the right one', async () => {
  const open = await addOpen()
  const wrong = otherThan(open.code)
  expect(await type(database, open, wrong)).toEqual({ refusal: 'code-incorrect', attemptsLeft: 2 })
  expect(await type(database, open, wrong)).toEqual({ refusal: 'code-incorrect', attemptsLeft: 1 })
  expect(await type(database, open, open.code)).toBe('activated')
})

test('after three wrong attempts the right code is exhausted', async () => {
  const open = await addOpen()
  for (let guess = 0; guess < 3; guess += 1) await type(database, open, otherThan(open.code))
  expect(await type(database, open, open.code)).toBe('code-exhausted')
  expect(await activeRowsOf(open.user.email)).toBe(0)
})

describe('what spends no attempt', () => {
  test('a code of which none has left', async () => {
    const pending = await addPending(database)
    const before = await guessesAt()
    expect(await type(database, pending, '0000')).toBe('code-not-sent')
    expect(await readCode(database, pending.codeId)).toMatchObject({ attempts: 0 })
    expect(await guessesAt()).toBe(before)
  })

  test('a code whose minute is over, right or wrong', async () => {
    const open = await addOpen()
    await age(database, open.user.id, 61)
    expect(await type(database, open, open.code)).toBe('code-expired')
    expect(await type(database, open, otherThan(open.code))).toBe('code-expired')
    expect(await readCode(database, open.codeId)).toMatchObject({ attempts: 0 })
  })

  test('an older code of the same registration, while the current one lives on', async () => {
    const open = await addOpen()
    await database.pool.query('update codes set superseded_at = now() where id = $1', [open.codeId])
    const nextId = randomUUID()
    await database.pool.query(
      'insert into codes (id, user_id, digits, key_id, mailbox_keys) select $2, user_id, 8, key_id, mailbox_keys from codes where id = $1',
      [open.codeId, nextId],
    )
    await openFor(database, nextId)
    expect(await type(database, open, open.code)).toBe('code-expired')
    expect(await readCode(database, nextId)).toMatchObject({ attempts: 0 })
    expect(await type(database, open, await digitsOf(database, nextId))).toBe('activated')
  })
})

test('a code works to the last second of its minute', async () => {
  const open = await addOpen()
  await age(database, open.user.id, 55)
  expect(await type(database, open, open.code)).toBe('activated')
})

test('the code of another registration of the same address is wrong', async () => {
  const mine = await addOpen()
  const other = await addOpen(mine.user.email)
  expect(await type(database, mine, other.code === mine.code ? otherThan(mine.code) : other.code)).toMatchObject({
    refusal: 'code-incorrect',
  })
})

test('a registration that is gone says so', async () => {
  const open = await addOpen()
  await database.pool.query('delete from users where id = $1', [open.user.id])
  expect(await type(database, open, open.code)).toBe('gone')
})

test('a password that changed since it was verified activates nothing', async () => {
  const open = await addOpen()
  const stale = { ...open.user, passwordHash: 'the hash of the former password' }
  expect(await activate(useCaseTools(database), attempt(stale, open.code))).toMatchObject({
    activated: { refusal: 'code-incorrect' },
  })
  expect(await activeRowsOf(open.user.email)).toBe(0)
})

test('when the address became an account elsewhere, the right code is answered as a wrong one, but is no guess', async () => {
  const owner = await addActive(database)
  const open = await addOpen(owner.user.email)
  const before = await guessesAt()
  expect(await type(database, open, open.code)).toEqual({ refusal: 'code-incorrect', attemptsLeft: 2 })
  expect(await readCode(database, open.codeId)).toMatchObject({ attempts: 1 })
  expect(await guessesAt()).toBe(before)
})

test.each(['', '1', 'no key', '00000'])(
  'typed %j never activates, not even when the secret was rotated away',
  async (typed) => {
    const open = await addOpen()
    const rotated = createKeyring(['another secret key that only the tests use'])
    expect(await activate({ ...useCaseTools(database), keyring: rotated }, attempt(open.user, typed))).not.toBe(
      'activated',
    )
    expect(await activeRowsOf(open.user.email)).toBe(0)
  },
)

describe('a mailbox that was guessed at too often', () => {
  test('four digits do not even get compared', async () => {
    const open = await addOpen()
    await addGuesses(database, open.user.email, 9)
    expect(await type(database, open, open.code)).toBe('code-expired')
    expect(await readCode(database, open.codeId)).toMatchObject({ attempts: 0 })
  })

  test('eight digits activate: nobody is locked out', async () => {
    const email = `${randomUUID()}@example.com`
    await addGuesses(database, email, 90)
    const open = await addOpen(email)
    expect(open.code).toMatch(/^\d{8}$/)
    expect(await type(database, open, open.code)).toBe('activated')
  })

  test.each([
    [9, 86_401, 4],
    [89, 86_401, 4],
    [90, 86_401, 8],
    [90, 366 * 86_400, 4],
  ])('%i guesses %i seconds ago mean codes of %i digits', async (count, seconds, digits) => {
    const email = `${randomUUID()}@example.com`
    await addGuesses(database, email, count, seconds)
    const { codeId } = await addPending(database, email)
    expect(await readCode(database, codeId)).toMatchObject({ digits })
  })
})
