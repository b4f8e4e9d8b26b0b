import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { mailboxOf } from '../../src/core/credentials/email-address.ts'
import { createKeyring, lookupKeys } from '../../src/core/credentials/keyring.ts'
import { readUser } from '../support/answers.ts'
import { createTestApi } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import {
  type App,
  activate,
  codeOf,
  deliver,
  endCooldown,
  expectProblem,
  otherThan,
  read,
  registerAndDeliver,
  resend,
} from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})
// What is guessed at one mailbox counts for the whole service too.
beforeEach(() => database.pool.query('delete from guesses'))

const guessWrong = async (email: string, times: number) => {
  let user = await registerAndDeliver(app, database, email)
  for (let i = 0; i < times; i++) {
    if (i > 0 && i % 3 === 0) user = await registerAndDeliver(app, database, email)
    await expectProblem(await activate(app, user, otherThan(user.code, (i % 3) + 1)), 'code-incorrect')
  }
}

const keyOf = (email: string) => lookupKeys(createKeyring([SECRET_KEY]), 'mailbox', mailboxOf(email))[0]
const insertGuesses = (email: string, times: number, age: string) =>
  database.pool.query(
    'insert into guesses (mailbox_key, at) select $1, now() - $3::interval from generate_series(1, $2)',
    [keyOf(email), times, age],
  )

test('after nine wrong guesses in a day new codes have 8 digits, and they work', async () => {
  await guessWrong('nine@example.com', 9)
  const user = await registerAndDeliver(app, database, 'nine@example.com')
  expect(user.code).toMatch(/^\d{8}$/)
  const problem = await expectProblem(await activate(app, user, otherThan(user.code)), 'code-incorrect')
  expect(problem.attemptsLeft).toBe(2)
  expect((await activate(app, user, user.code)).status).toBe(200)
})

test('after eight they still have 4', async () => {
  await guessWrong('eight@example.com', 8)
  expect((await registerAndDeliver(app, database, 'eight@example.com')).code).toMatch(/^\d{4}$/)
})

test('a code of 4 digits that is still alive then is expired, and spends no attempt', async () => {
  const user = await registerAndDeliver(app, database, 'alive@example.com')
  await guessWrong('alive@example.com', 9)
  expect((await readUser(await read(app, user))).code?.status).toBe('expired')
  await expectProblem(await activate(app, user, user.code), 'code-expired')
  expect((await readUser(await read(app, user))).code?.attemptsLeft).toBe(3)
  await endCooldown(database, user)
  expect((await resend(app, user)).status).toBe(202)
  await deliver(database, user)
  const code = await codeOf(database, user)
  expect(code).toMatch(/^\d{8}$/)
  expect((await activate(app, user, code)).status).toBe(200)
})

describe('one mailbox has one budget', () => {
  test.each([
    { guessed: 'tag@example.com', same: 'tag+news@example.com' },
    { guessed: 'Tag2+a@example.com', same: 'tag2+b+c@example.com' },
    { guessed: 'g.mail.user@gmail.com', same: 'gmailuser+x@googlemail.com' },
  ])('$same is the mailbox of $guessed', async ({ guessed, same }) => {
    await guessWrong(guessed, 9)
    expect((await registerAndDeliver(app, database, same)).code).toMatch(/^\d{8}$/)
  })

  test.each([
    { guessed: 'dot.ted@example.com', other: 'dotted@example.com' },
    { guessed: 'mine@example.com', other: 'mine@example.org' },
    { guessed: '+a@example.com', other: '+b@example.com' },
  ])('$other is not the mailbox of $guessed', async ({ guessed, other }) => {
    await guessWrong(guessed, 9)
    expect((await registerAndDeliver(app, database, other)).code).toMatch(/^\d{4}$/)
  })
})

test('a day later codes have 4 digits again', async () => {
  await insertGuesses('day@example.com', 9, '23 hours 59 minutes')
  expect((await registerAndDeliver(app, database, 'day@example.com')).code).toMatch(/^\d{8}$/)
  await insertGuesses('later@example.com', 9, '24 hours 1 second')
  expect((await registerAndDeliver(app, database, 'later@example.com')).code).toMatch(/^\d{4}$/)
})

test('after ninety wrong guesses in a year codes have 8 digits', async () => {
  await insertGuesses('year@example.com', 90, '300 days')
  expect((await registerAndDeliver(app, database, 'year@example.com')).code).toMatch(/^\d{8}$/)
  await insertGuesses('old@example.com', 89, '300 days')
  await insertGuesses('old@example.com', 9, '366 days')
  expect((await registerAndDeliver(app, database, 'old@example.com')).code).toMatch(/^\d{4}$/)
})

test('the budget holds after a change of SECRET_KEY', async () => {
  await insertGuesses('rotated@example.com', 9, '1 hour')
  const secrets = `a new secret key for all of the tests, ${SECRET_KEY}`
  const rotated = await createTestApi(database, { SECRET_KEY: secrets })
  const { id } = await registerAndDeliver(app, database, 'unrelated@example.com')
  expect(id).toBeTruthy()
  const user = await readUser(
    await rotated.request('/v1/users', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'rotated@example.com', password: 'correct horse battery' }),
    }),
  )
  const codes = await database.pool.query('select digits from codes where user_id = $1', [user.id])
  expect(codes.rows).toEqual([{ digits: 8 }])
})

test('it can be set and turned off', async () => {
  await insertGuesses('set@example.com', 1, '1 minute')
  const strict = await createTestApi(database, { LIMIT_GUESSES_PER_MAILBOX: '1/1h' })
  expect((await registerAndDeliver(strict, database, 'set@example.com')).code).toMatch(/^\d{8}$/)
  await insertGuesses('set@example.com', 100, '2 hours')
  const off = await createTestApi(database, { LIMIT_GUESSES_PER_MAILBOX: 'off' })
  expect((await registerAndDeliver(off, database, 'set@example.com')).code).toMatch(/^\d{4}$/)
})
