import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { recordReports } from '../../src/core/postgres/outbox/provider-reports.ts'
import { readStatus } from '../../src/core/registration/status.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import {
  accepted,
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
  useCaseTools,
  verified,
} from './fixtures.ts'

const database = shareTestDatabase()

const addOwnerAndIntruder = async () => {
  const owner = await addActive(database)
  return { owner, intruder: await addPending(database, owner.user.email) }
}

const codeSeenBy = async ({ user }: Pending) => {
  const status = await readStatus(useCaseTools(database), verified(user))
  return { ...status?.code, sentAt: typeof status?.code?.sentAt, expiresAt: typeof status?.code?.expiresAt }
}

test('the owner of the address gets a notice without a code, under the key of the mail', async () => {
  const { owner, intruder } = await addOwnerAndIntruder()
  const mailer = scriptedMailer()
  await deliver(deliverTools(database, mailer), intruder.mailId)
  expect(mailer.sent).toHaveLength(1)
  expect(mailer.sent[0]).toMatchObject({ key: intruder.mailId, mail: { to: owner.user.email } })
  expect(mailer.sent[0]?.mail.text).toContain('already have an account')
  expect(JSON.stringify(mailer.sent[0]?.mail)).not.toContain(await digitsOf(database, intruder.codeId))
  expect(mailer.sent[0]?.mail.text).not.toMatch(/\d{4}/)
})

test('what the registrant sees is the same for a free address, a notice, and a notice that was not due', async () => {
  const { owner, intruder } = await addOwnerAndIntruder()
  const again = await addPending(database, owner.user.email)
  const free = await addPending(database)
  const tools = deliverTools(database, scriptedMailer())
  const wanted = { status: 'sent', attemptsLeft: 3, sentAt: 'string', expiresAt: 'string' }
  for (const pending of [intruder, again, free]) {
    expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
    expect(await codeSeenBy(pending)).toMatchObject(wanted)
  }
})

test('while the provider is known to be down, a second registration of an account looks as queued as one of a free address', async () => {
  const { owner, intruder } = await addOwnerAndIntruder()
  await deliver(deliverTools(database, scriptedMailer()), intruder.mailId)
  const again = await addPending(database, owner.user.email)
  const free = await addPending(database)
  const down = deliverTools(database, scriptedMailer(clearNo(), clearNo()))
  await deliver(down, free.mailId)
  await deliver(down, again.mailId)
  expect((await codeSeenBy(again)).status).toBe((await codeSeenBy(free)).status)
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
  const { intruder } = await addOwnerAndIntruder()
  const mailer = scriptedMailer(step)
  const tools = deliverTools(database, mailer)
  await deliver(tools, intruder.mailId)
  await age(database, intruder.user.id, 45)
  expect(await deliver(tools, intruder.mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
  expect(mailer.sent).toHaveLength(2)
  expect(mailer.sent[1]).toEqual(mailer.sent[0])
})

test('a notice that the provider refuses looks undeliverable, as a code would', async () => {
  const { intruder } = await addOwnerAndIntruder()
  await deliver(deliverTools(database, scriptedMailer(refused())), intruder.mailId)
  expect((await codeSeenBy(intruder)).status).toBe('undeliverable')
  expect(await readMail(database, intruder.mailId)).toMatchObject({ outcome: 'refused' })
})

test('the code that nobody was sent is wrong even when it is guessed, and the account stays as it was', async () => {
  const { owner, intruder } = await addOwnerAndIntruder()
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

test.each([
  { what: 'refuses', answers: [refused(), refused()], seen: { status: 'undeliverable' } },
  { what: 'says a clear no', answers: [clearNo(), clearNo()], seen: { status: 'queued' } },
  { what: 'is silent', answers: [silence(), silence()], seen: { status: 'queued' } },
])(
  'a provider that $what is no oracle: a notice that was not due is answered as a real mail',
  async ({ answers, seen }) => {
    const { owner, intruder } = await addOwnerAndIntruder()
    const mailer = scriptedMailer(accepted, ...answers)
    const tools = deliverTools(database, mailer)
    await deliver(tools, intruder.mailId)
    const [free, again] = [await addPending(database), await addPending(database, owner.user.email)]
    const [one, two] = [await deliver(tools, free.mailId), await deliver(tools, again.mailId)]
    expect(mailer.sent).toHaveLength(2)
    expect(two.end).toBe(one.end)
    expect(await codeSeenBy(free)).toMatchObject(seen)
    const { resendAfter: _, ...seenFree } = await codeSeenBy(free)
    const { resendAfter: __, ...seenAgain } = await codeSeenBy(again)
    expect(seenAgain).toEqual(seenFree)
    // Not 409 for the one and 400 for the other.
    expect(await type(database, again, '0000')).toEqual(await type(database, free, '0000'))
  },
)

test('a mailbox whose notice was refused refuses the next ones of that day too', async () => {
  const { owner, intruder } = await addOwnerAndIntruder()
  const tools = deliverTools(database, scriptedMailer(refused()))
  await deliver(tools, intruder.mailId)
  await deliver(tools, (await addPending(database)).mailId)
  const again = await addPending(database, owner.user.email)
  expect(await deliver(tools, again.mailId)).toMatchObject({ end: 'failed' })
  expect(await codeSeenBy(again)).toMatchObject({ status: 'undeliverable' })
})

test("a notice that was not due shares the fate that the provider reports of the owner's notice", async () => {
  const { owner, intruder } = await addOwnerAndIntruder()
  const again = await addPending(database, owner.user.email)
  const mailer = { ...scriptedMailer(), provider: 'resend' }
  const tools = deliverTools(database, mailer)
  await deliver(tools, intruder.mailId)
  await deliver(tools, again.mailId)
  await recordReports(database.pool, {
    ...{ provider: 'resend', raisesEvents: true },
    reports: [{ providerId: 'provider-id', kind: 'delivered', at: new Date() }],
  })
  for (const pending of [intruder, again])
    await expect.poll(async () => (await codeSeenBy(pending)).deliveredAt).toEqual(expect.any(String))
  const later = await addPending(database, owner.user.email)
  await deliver(tools, later.mailId)
  await expect.poll(async () => (await codeSeenBy(later)).deliveredAt, { timeout: 5000 }).toEqual(expect.any(String))
})

test('behind a notice that bounced after a while a mail looks sent for as long, as one to a free address does', async () => {
  const { owner, intruder } = await addOwnerAndIntruder()
  const tools = deliverTools(database, scriptedMailer({ providerId: 'bounces' }))
  await deliver(tools, intruder.mailId)
  await age(database, intruder.user.id, 10)
  await recordReports(database.pool, {
    ...{ provider: 'resend', raisesEvents: true },
    reports: [{ providerId: 'bounces', kind: 'hard-bounce', at: new Date() }],
  })
  const again = await addPending(database, owner.user.email)
  await deliver(tools, again.mailId)
  expect(await codeSeenBy(again)).toMatchObject({ status: 'sent', sentAt: 'string', expiresAt: 'string' })
  expect(await type(database, again, 'wrong')).toMatchObject({ refusal: 'code-incorrect' })
  await database.pool.query(`update mails set bounced_at = bounced_at - interval '11 seconds' where id = $1`, [
    again.mailId,
  ])
  expect(await codeSeenBy(again)).toMatchObject({ status: 'undeliverable', sentAt: 'object', expiresAt: 'object' })
  expect(await type(database, again, 'wrong')).toBe('code-not-sent')
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
