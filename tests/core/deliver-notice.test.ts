import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import {
  addActive,
  addPending,
  age,
  clearNo,
  deliver,
  digitsOf,
  type Pending,
  readMail,
  refused,
  scriptedMailer,
  silence,
  type,
} from './fixtures.ts'
import { addOwnerAndIntruder, codeSeenBy } from './notices.ts'

const database = shareTestDatabase()

test('the owner of the address gets a notice without a code, under the key of the mail', async () => {
  const { owner, intruder } = await addOwnerAndIntruder(database)
  const mailer = scriptedMailer()
  await deliver(deliverTools(database, mailer), intruder.mailId)
  expect(mailer.sent).toHaveLength(1)
  expect(mailer.sent[0]).toMatchObject({ key: intruder.mailId, mail: { to: owner.user.email } })
  expect(mailer.sent[0]?.mail.text).toContain('already have an account')
  expect(JSON.stringify(mailer.sent[0]?.mail)).not.toContain(await digitsOf(database, intruder.codeId))
  expect(mailer.sent[0]?.mail.text).not.toMatch(/\d{4}/)
})

test('what the registrant sees is the same for a free address, a notice, and a notice that was not due', async () => {
  const { owner, intruder } = await addOwnerAndIntruder(database)
  const again = await addPending(database, owner.user.email)
  const free = await addPending(database)
  const tools = deliverTools(database, scriptedMailer())
  const wanted = { status: 'sent', attemptsLeft: 3, sentAt: 'string', expiresAt: 'string' }
  for (const pending of [intruder, again, free]) {
    expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
    expect(await codeSeenBy(database, pending)).toMatchObject(wanted)
  }
})

test('while the provider is known to be down, a second registration of an account looks as queued as one of a free address', async () => {
  const { owner, intruder } = await addOwnerAndIntruder(database)
  await deliver(deliverTools(database, scriptedMailer()), intruder.mailId)
  const again = await addPending(database, owner.user.email)
  const free = await addPending(database)
  const down = deliverTools(database, scriptedMailer(clearNo(), clearNo()))
  await deliver(down, free.mailId)
  await deliver(down, again.mailId)
  expect((await codeSeenBy(database, again)).status).toBe((await codeSeenBy(database, free)).status)
})

test('the owner is told at most once a day, however many register at once', async () => {
  const owner = await addActive(database)
  const intruders = await Promise.all(Array.from({ length: 6 }, () => addPending(database, owner.user.email)))
  const mailer = scriptedMailer()
  const tools = deliverTools(database, mailer)
  await Promise.all(intruders.map(({ mailId }) => deliver(tools, mailId)))
  expect(mailer.sent).toHaveLength(1)
  await age(database, owner.user.id, 86_401)
  const nextDay = await addPending(database, owner.user.email)
  await deliver(tools, nextDay.mailId)
  expect(mailer.sent).toHaveLength(2)
})

test.each([
  ['a clear no', clearNo()],
  ['silence', silence()],
])('a notice after %s is tried again with the same key and bytes', async (_answer, step) => {
  const { intruder } = await addOwnerAndIntruder(database)
  const mailer = scriptedMailer(step)
  const tools = deliverTools(database, mailer)
  await deliver(tools, intruder.mailId)
  await age(database, intruder.user.id, 45)
  expect(await deliver(tools, intruder.mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
  expect(mailer.sent).toHaveLength(2)
  expect(mailer.sent[1]).toEqual(mailer.sent[0])
})

test('a notice that the provider refuses looks undeliverable, as a code would', async () => {
  const { intruder } = await addOwnerAndIntruder(database)
  await deliver(deliverTools(database, scriptedMailer(refused())), intruder.mailId)
  expect((await codeSeenBy(database, intruder)).status).toBe('undeliverable')
  expect(await readMail(database, intruder.mailId)).toMatchObject({ outcome: 'refused' })
})

test('the code that nobody was sent is wrong even when it is guessed, and the account stays as it was', async () => {
  const { owner, intruder } = await addOwnerAndIntruder(database)
  await deliver(deliverTools(database, scriptedMailer()), intruder.mailId)
  const guessed = await type(database, intruder, await digitsOf(database, intruder.codeId))
  expect(guessed).toEqual({ refusal: 'code-incorrect', attemptsLeft: 2 })
  const active = await database.pool.query('select id from users where email = $1 and activated_at is not null', [
    owner.user.email,
  ])
  expect(active.rows).toEqual([{ id: owner.user.id }])
})

test('a pending registration of the same address is no account: both get their code', async () => {
  const email = `${randomUUID()}@example.com`
  const both = [await addPending(database, email), await addPending(database, email)]
  const mailer = scriptedMailer()
  for (const { mailId } of both) await deliver(deliverTools(database, mailer), mailId)
  expect(mailer.sent.map(({ key }) => key)).toEqual(both.map(({ codeId }) => codeId))
})

test('a code mail is in the language of its registration, a notice in that of the owner', async () => {
  const mailer = scriptedMailer()
  const owner = await addActive(database)
  const other = await addPending(database, owner.user.email)
  const setLocale = ({ user }: Pending, locale: string) =>
    database.pool.query('update users set locale = $2 where id = $1', [user.id, locale])
  await setLocale(owner, 'ja')
  await setLocale(other, 'de')
  await deliver(deliverTools(database, mailer), other.mailId)
  const alone = await addPending(database)
  await setLocale(alone, 'ar')
  await deliver(deliverTools(database, mailer), alone.mailId)
  expect(mailer.sent.map(({ mail }) => /lang="([^"]+)"/.exec(mail.html)?.[1])).toEqual(['ja', 'ar'])
})
