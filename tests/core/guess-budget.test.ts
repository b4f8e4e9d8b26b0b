import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { resendCode } from '../../src/core/registration/resend-code.ts'
import { shareTestDatabase } from '../support/database.ts'
import {
  addPending,
  age,
  currentMail,
  digitsOf,
  openFor,
  type Pending,
  readCode,
  resending,
  type,
  useCaseTools,
} from './fixtures.ts'

const database = shareTestDatabase()

const MAX_ATTEMPTS = 3
const MAX_A_DAY = 9

type ModelCode = { digits: number; attempts: number; isExpired: boolean }
/** What should be: the current code of each registration, the day's wrong guesses, and how many of them were at 4 digits. */
type Model = { codes: ModelCode[]; guesses: number; shortGuesses: number; isUsedUp: boolean }
type Real = { mailbox: string; people: Pending[] }
type Command = fc.AsyncCommand<Model, Real>

const freshCode = (model: Model): ModelCode => ({
  digits: model.guesses >= MAX_A_DAY ? 8 : 4,
  attempts: 0,
  isExpired: false,
})

/** The provider takes the mail of the current code. */
const mailOut = async (userId: string, isOf: number) => {
  const { id, codeId } = await currentMail(database, userId)
  await database.pool.query("update mails set settled_at = now(), outcome = 'accepted' where id = $1", [id])
  await openFor(database, codeId)
  expect((await readCode(database, codeId)).digits).toBe(isOf)
}

const register = (tag: string): Command => ({
  check: () => true,
  toString: () => `register(${tag})`,
  run: async (model, { mailbox, people }) => {
    const person = await addPending(database, `${mailbox}${tag}@example.com`)
    const code = freshCode(model)
    await mailOut(person.user.id, code.digits)
    people.push(person)
    model.codes.push(code)
  },
})

const resend = (pick: number): Command => ({
  check: ({ codes }) => codes.length > 0,
  toString: () => `resend(${pick})`,
  run: async (model, { people }) => {
    const index = pick % people.length
    const user = people[index]?.user ?? { id: '', email: '', passwordHash: '' }
    const resent = await resendCode(useCaseTools(database), resending(user))
    expect(resent).toMatchObject({ mail: 'enqueued' })
    model.codes[index] = freshCode(model)
    await mailOut(user.id, model.codes[index].digits)
  },
})

/** Digits that no code of this registration ever had. */
const wrongFor = async (userId: string, digits: number): Promise<string> => {
  const found = await database.pool.query<{ id: string }>('select id from codes where user_id = $1', [userId])
  const known = new Set(await Promise.all(found.rows.map(({ id }) => digitsOf(database, id))))
  const all = Array.from({ length: known.size + 1 }, (_, number) => String(number).padStart(digits, '0'))
  return all.find((code) => !known.has(code)) ?? ''
}

const answerOf = (model: Model, code: ModelCode) => {
  if (code.attempts >= MAX_ATTEMPTS) return 'code-exhausted'
  if (code.isExpired || (code.digits === 4 && model.guesses >= MAX_A_DAY)) return 'code-expired'
  code.attempts += 1
  model.guesses += 1
  model.shortGuesses += code.digits === 4 ? 1 : 0
  return { refusal: 'code-incorrect', attemptsLeft: MAX_ATTEMPTS - code.attempts }
}

/** Several guesses at once at one registration: their answers come in any order. */
const guess = (pick: number, times: number): Command => ({
  check: ({ codes }) => codes.length > 0,
  toString: () => `guess(${pick}, ${times} at once)`,
  run: async (model, { people }) => {
    const index = pick % people.length
    const [person, code] = [people[index], model.codes[index]]
    if (!person || !code) throw new Error('nobody')
    const wrong = await wrongFor(person.user.id, code.digits)
    const answers = await Promise.all(Array.from({ length: times }, () => type(database, person, wrong)))
    const wanted = Array.from({ length: times }, () => answerOf(model, code))
    const sorted = (list: unknown[]) => list.map((answer) => JSON.stringify(answer)).toSorted()
    expect(sorted(answers)).toEqual(sorted(wanted))
    expect(model.shortGuesses).toBeLessThanOrEqual(MAX_A_DAY)
    model.isUsedUp ||= model.shortGuesses === MAX_A_DAY
  },
})

const dayPasses: Command = {
  check: ({ codes }) => codes.length > 0,
  toString: () => 'a day passes',
  run: async (model, { people }) => {
    await database.pool.query("update guesses set at = at - interval '1 day'")
    for (const { user } of people) await age(database, user.id, 86_400)
    for (const code of model.codes) code.isExpired = true
    model.guesses = 0
    model.shortGuesses = 0
  },
}

const commands = fc.commands(
  [
    fc.constantFrom('', '+a', '+b').map(register),
    fc.nat().map(resend),
    ...[1, 2, 3, 4, 5].map(() =>
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 5 })).map(([pick, times]) => guess(pick, times)),
    ),
    fc.constant(dayPasses),
  ],
  { maxCommands: 40, size: 'max' },
)

test('no sequence of registrations, resends and wrong guesses gets more than nine of four digits through in a day', async () => {
  let sequencesThatUsedAll = 0
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      // What is guessed at one mailbox counts for the whole service too.
      await database.pool.query('delete from guesses')
      const model: Model = { codes: [], guesses: 0, shortGuesses: 0, isUsedUp: false }
      await fc.asyncModelRun(() => ({ model, real: { mailbox: randomUUID(), people: [] } }), sequence)
      if (model.isUsedUp) sequencesThatUsedAll += 1
    }),
    { numRuns: 12, seed: 4, endOnFailure: true },
  )
  // Otherwise the sequences were too tame to show anything.
  expect(sequencesThatUsedAll).toBeGreaterThan(0)
})
