import { beforeAll, expect, test } from 'vitest'
import { readProblem, readUser } from '../support/answers.ts'
import { createTestApi } from '../support/api.ts'
import { shareTestDatabase } from '../support/database.ts'
import { untilServed } from '../support/until-served.ts'
import { type App, activate, otherThan, type Registered, read, registerAndDeliver } from './api-client.ts'

const database = shareTestDatabase()
let app: App
beforeAll(async () => {
  app = await createTestApi(database)
})

const tryCode = (user: Registered, code: string) => untilServed(async () => activate(app, user, code))

/** How many answers have which status. */
const statusesOf = (answers: Response[]) => {
  const found: Record<number, number> = {}
  for (const { status } of answers) found[status] = (found[status] ?? 0) + 1
  return found
}

test('100 parallel guesses cannot exceed three attempts', async () => {
  const user = await registerAndDeliver(app, database, 'guessed@example.com')
  const guesses = Array.from({ length: 100 }, (_, index) => otherThan(user.code, index + 1))
  const answers = await Promise.all(guesses.map((code) => tryCode(user, code)))
  expect(statusesOf(answers)).toEqual({ 400: 3, 410: 97 })
  const problems = await Promise.all(answers.filter(({ status }) => status === 400).map(readProblem))
  expect(problems.map(({ attemptsLeft }) => attemptsLeft).toSorted()).toEqual([0, 1, 2])
  expect(await readUser(await read(app, user))).toMatchObject({ code: { status: 'exhausted', attemptsLeft: 0 } })
})

test('20 parallel right codes activate once and all answer 200', async () => {
  const user = await registerAndDeliver(app, database, 'twenty@example.com')
  const answers = await Promise.all(Array.from({ length: 20 }, () => tryCode(user, user.code)))
  expect(statusesOf(answers)).toEqual({ 200: 20 })
  const times = await Promise.all(answers.map(async (answer) => (await readUser(answer)).activatedAt))
  expect(new Set(times).size).toBe(1)
})

test('of ten registrations of one address that activate at once, one becomes the account', async () => {
  const users = await Promise.all(
    Array.from({ length: 10 }, () => registerAndDeliver(app, database, 'raced@example.com')),
  )
  const answers = await Promise.all(users.map((user) => tryCode(user, user.code)))
  // The ninth wrong guess of a day uses up the mailbox's budget.
  expect(statusesOf(answers)).toEqual({ 200: 1, 400: 9 })
})

test('parallel guesses over many registrations cannot exceed the nine of the mailbox', async () => {
  const users = await Promise.all(
    Array.from({ length: 10 }, (_, index) => registerAndDeliver(app, database, `spread+${index}@example.com`)),
  )
  const answers = await Promise.all(
    users.flatMap((user) => [1, 2].map((step) => tryCode(user, otherThan(user.code, step)))),
  )
  expect(statusesOf(answers)).toEqual({ 400: 9, 410: 11 })
})
