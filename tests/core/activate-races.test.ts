import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { addPending, digitsOf, openFor, otherThan, type Pending, readCode, type } from './fixtures.ts'

// Somebody else's default decides nothing.
const DEFAULTS = ['read committed', 'repeatable read', 'serializable']

let database: TestDatabase

const addOpen = async (email?: string): Promise<Pending & { code: string }> => {
  const pending = await addPending(database, email)
  await openFor(database, pending.codeId)
  return { ...pending, code: await digitsOf(database, pending.codeId) }
}

const isIncorrect = (answer: unknown) => typeof answer === 'object'

describe.each(DEFAULTS)('where %s is the default', (isolation) => {
  beforeAll(async () => {
    database = await createTestDatabase()
    const name = new URL(database.url).pathname.slice(1)
    await database.pool.query(`alter database ${name} set default_transaction_isolation to '${isolation}'`)
  })
  afterAll(() => database.drop())

  test('a hundred parallel guesses cannot exceed three', async () => {
    const open = await addOpen()
    const wrong = Array.from({ length: 9999 }, (_, n) => String(n).padStart(4, '0')).filter(
      (code) => code !== open.code,
    )
    const answers = await Promise.all(wrong.slice(0, 100).map((code) => type(database, open, code)))
    expect(answers.filter(isIncorrect)).toHaveLength(3)
    expect(answers.filter((answer) => answer === 'code-exhausted')).toHaveLength(97)
    expect(await readCode(database, open.codeId)).toMatchObject({ attempts: 3 })
    expect(await type(database, open, open.code)).toBe('code-exhausted')
  })

  test('parallel guesses over twenty registrations of one mailbox, tags and all, cannot exceed nine', async () => {
    const local = randomUUID()
    const people = await Promise.all(
      Array.from({ length: 20 }, (_, index) => addOpen(`${local}${index % 2 ? `+tag${index}` : ''}@example.com`)),
    )
    const guesses = people.flatMap((open) => [open, open, open])
    const answers = await Promise.all(guesses.map((open) => type(database, open, otherThan(open.code))))
    expect(answers.filter(isIncorrect)).toHaveLength(9)
    const attempts = await Promise.all(people.map(({ codeId }) => readCode(database, codeId)))
    expect(attempts.reduce((sum, code) => sum + code.attempts, 0)).toBe(9)
  })

  test('twenty parallel activations of different registrations make one account of an address', async () => {
    const email = `${randomUUID()}@example.com`
    const people = await Promise.all(Array.from({ length: 20 }, () => addOpen(email)))
    const answers = await Promise.all(people.map((open) => type(database, open, open.code)))
    expect(answers.filter((answer) => answer === 'activated')).toHaveLength(1)
    const active = await database.pool.query('select 1 from users where email = $1 and activated_at is not null', [
      email,
    ])
    expect(active.rowCount).toBe(1)
  })

  test('twenty parallel right codes of one registration activate it once and spend nothing of the mailbox', async () => {
    const open = await addOpen()
    const answers = await Promise.all(Array.from({ length: 20 }, () => type(database, open, open.code)))
    expect(answers.filter((answer) => answer === 'activated')).toHaveLength(1)
    expect(answers.filter((answer) => answer === 'already-active')).toHaveLength(19)
    expect(await readCode(database, open.codeId)).toMatchObject({ attempts: 1 })
  })
})
