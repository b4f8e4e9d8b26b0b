import { randomBytes } from 'node:crypto'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import type { Logger } from '../../src/core/process/logger.ts'
import { createGuessSurge } from '../../src/core/registration/guess-surge.ts'
import { resendCode } from '../../src/core/registration/resend-code.ts'
import { shareTestDatabase, silent } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { addGuesses } from './add-guesses.ts'
import {
  addPending,
  currentMail,
  deliver,
  digitsOf,
  readCode,
  resending,
  scriptedMailer,
  silence,
  type,
  useCaseTools,
} from './fixtures.ts'

const database = shareTestDatabase()
beforeEach(() => database.pool.query('truncate guesses, users cascade'))

/** Wrong codes, each typed for another mailbox. */
const addWrongCodes = async (count: number, minutesAgo = 0) => {
  const keys = Array.from({ length: count }, () => randomBytes(32))
  await database.pool.query(
    `insert into guesses (mailbox_key, at)
     select key, clock_timestamp() - make_interval(mins => $2)
     from unnest($1::bytea[]) as key`,
    [keys, minutesAgo],
  )
}

const addActivations = (count: number, minutesAgo = 0) =>
  database.pool.query(
    `insert into users (id, email, password_hash, ref, activated_at)
     select gen_random_uuid(), gen_random_uuid() || '@example.com', '', '', clock_timestamp() - make_interval(mins => $2)
     from generate_series(1, $1)`,
    [count, minutesAgo],
  )

const isOn = (logger: Logger = silent) => createGuessSurge(logger).isOn(database.pool)

const digitsOfNext = async () => (await digitsOf(database, (await addPending(database)).codeId)).length

test.each([
  { wrong: 50, right: 0, on: false },
  { wrong: 51, right: 0, on: true },
  { wrong: 51, right: 203, on: true },
  { wrong: 51, right: 204, on: false },
  { wrong: 300, right: 1199, on: true },
  { wrong: 300, right: 1200, on: false },
])('$wrong wrong codes beside $right right ones: a surge is on: $on', async ({ wrong, right, on }) => {
  await addWrongCodes(wrong)
  await addActivations(right)
  expect(await isOn()).toBe(on)
})

test('only the last hour counts, for wrong codes as for right ones', async () => {
  await addWrongCodes(60, 61)
  await addWrongCodes(40, 59)
  expect(await isOn()).toBe(false)
  await addWrongCodes(11)
  await addActivations(400, 61)
  expect(await isOn()).toBe(true)
})

test('while it is on every new code has 8 digits, and works', async () => {
  await addWrongCodes(51)
  const pending = await addPending(database)
  const code = await digitsOf(database, pending.codeId)
  expect(code).toMatch(/^\d{8}$/)
  await deliver(deliverTools(database, scriptedMailer()), pending.mailId)
  expect(await type(database, pending, code)).toBe('activated')
  await database.pool.query('delete from guesses')
  expect(await digitsOfNext()).toBe(4)
})

test('so has one that is asked for again', async () => {
  const { user, mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer()), mailId)
  await addWrongCodes(51)
  await resendCode(useCaseTools(database), resending(user))
  const { codeId } = await currentMail(database, user.id)
  expect((await readCode(database, codeId)).digits).toBe(8)
})

test('a short code that nobody has yet is replaced before it leaves', async () => {
  const { mailId } = await addPending(database)
  await addWrongCodes(51)
  const mailer = scriptedMailer()
  await deliver(deliverTools(database, mailer), mailId)
  expect(mailer.sent[0]?.mail.text).toMatch(/^\d{8}$/m)
})

test('a short code that somebody may have stays, and works', async () => {
  const sent = await addPending(database)
  const unanswered = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer()), sent.mailId)
  const mailer = scriptedMailer(silence())
  const tools = deliverTools(database, mailer)
  await deliver(tools, unanswered.mailId)
  await addWrongCodes(51)
  await deliver(tools, unanswered.mailId)
  expect(mailer.sent[1]).toEqual(mailer.sent[0])
  for (const pending of [sent, unanswered])
    expect(await type(database, pending, await digitsOf(database, pending.codeId))).toBe('activated')
})

test('a short code that somebody may have is replaced once its own mailbox is guessed out, and not before', async () => {
  const { user, mailId, codeId } = await addPending(database)
  const mailer = scriptedMailer(silence(), silence())
  const tools = deliverTools(database, mailer)
  await deliver(tools, mailId)
  await addGuesses(database, user.email, 8)
  await deliver(tools, mailId)
  await addGuesses(database, user.email, 1)
  await deliver(tools, mailId)
  const keys = mailer.sent.map(({ key }) => key)
  expect(keys).toEqual([codeId, codeId, (await currentMail(database, user.id)).codeId])
  expect(keys[2]).not.toBe(codeId)
  expect(mailer.sent[2]?.mail.text).toMatch(/^\d{8}$/m)
})

test('what is measured for a code that takes the place of another is noted', async () => {
  const { mailId } = await addPending(database)
  await addWrongCodes(51)
  const noted: unknown[] = []
  const tools = deliverTools(database, scriptedMailer())
  const surge = { ...tools.surge, note: (measured: unknown) => void noted.push(measured) }
  const rotated = createKeyring(['another secret key that only the tests use'])
  await deliver({ ...tools, surge, keyring: rotated }, mailId)
  expect(noted).toContainEqual({ wrongCodes: 51, isSurge: true })
})

test('the log tells once when it begins and once when it ends', async () => {
  const lines: string[] = []
  const logger = silent.child({})
  logger.warn = (line: string) => void lines.push(`warn: ${line}`)
  logger.info = (line: string) => void lines.push(`info: ${line}`)
  const surge = createGuessSurge(logger)
  for (const count of [0, 51, 10]) {
    await addWrongCodes(count)
    await surge.isOn(database.pool)
  }
  await addActivations(1000)
  for (let i = 0; i < 2; i++) await surge.isOn(database.pool)
  expect(lines).toEqual([
    expect.stringMatching(/^warn: .*all new codes have 8 digits/),
    expect.stringMatching(/^info: .*new codes have 4 digits again/),
  ])
})

test('from a thousand wrong codes on the answer is kept for a second', async () => {
  let now = 0
  const surge = createGuessSurge(silent, () => now)
  await addWrongCodes(1000)
  expect(await surge.isOn(database.pool)).toBe(true)
  await database.pool.query('delete from guesses')
  now = 999
  expect(await surge.isOn(database.pool)).toBe(true)
  now = 1000
  expect(await surge.isOn(database.pool)).toBe(false)
})

test('that second is no longer when the wall clock jumps back', async () => {
  const surge = createGuessSurge(silent)
  await addWrongCodes(1000)
  expect(await surge.isOn(database.pool)).toBe(true)
  await database.pool.query('delete from guesses')
  const anHourAgo = Date.now() - 3_600_000
  const clock = vi.spyOn(Date, 'now').mockReturnValue(anHourAgo)
  onTestFinished(() => clock.mockRestore())
  await expect.poll(() => surge.isOn(database.pool)).toBe(false)
})
