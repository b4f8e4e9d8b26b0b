import { expect, test } from 'vitest'
import { recordReports } from '../../src/core/postgres/outbox/provider-reports.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { accepted, addPending, age, clearNo, deliver, refused, scriptedMailer, silence, type } from './fixtures.ts'
import { addOwnerAndIntruder, codeSeenBy } from './notices.ts'

const database = shareTestDatabase()

test.each([
  { what: 'refuses', answers: [refused(), refused()], seen: { status: 'undeliverable' } },
  { what: 'says a clear no', answers: [clearNo(), clearNo()], seen: { status: 'queued' } },
  { what: 'is silent', answers: [silence(), silence()], seen: { status: 'queued' } },
])(
  'a provider that $what is no oracle: a notice that was not due is answered as a real mail',
  async ({ answers, seen }) => {
    const { owner, intruder } = await addOwnerAndIntruder(database)
    const mailer = scriptedMailer(accepted, ...answers)
    const tools = deliverTools(database, mailer)
    await deliver(tools, intruder.mailId)
    const [free, again] = [await addPending(database), await addPending(database, owner.user.email)]
    const [one, two] = [await deliver(tools, free.mailId), await deliver(tools, again.mailId)]
    expect(mailer.sent).toHaveLength(2)
    expect(two.end).toBe(one.end)
    expect(await codeSeenBy(database, free)).toMatchObject(seen)
    const { resendAfter: _, ...seenFree } = await codeSeenBy(database, free)
    const { resendAfter: __, ...seenAgain } = await codeSeenBy(database, again)
    expect(seenAgain).toEqual(seenFree)
    // Not 409 for the one and 400 for the other.
    expect(await type(database, again, '0000')).toEqual(await type(database, free, '0000'))
  },
)

test('a mailbox whose notice was refused refuses the next ones of that day too', async () => {
  const { owner, intruder } = await addOwnerAndIntruder(database)
  const tools = deliverTools(database, scriptedMailer(refused()))
  await deliver(tools, intruder.mailId)
  await deliver(tools, (await addPending(database)).mailId)
  const again = await addPending(database, owner.user.email)
  expect(await deliver(tools, again.mailId)).toMatchObject({ end: 'failed' })
  expect(await codeSeenBy(database, again)).toMatchObject({ status: 'undeliverable' })
})

test("a notice that was not due shares the fate that the provider reports of the owner's notice", async () => {
  const { owner, intruder } = await addOwnerAndIntruder(database)
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
    await expect.poll(async () => (await codeSeenBy(database, pending)).deliveredAt).toEqual(expect.any(String))
  const later = await addPending(database, owner.user.email)
  await deliver(tools, later.mailId)
  await expect.poll(async () => (await codeSeenBy(database, later)).deliveredAt).toEqual(expect.any(String))
})

test('behind a notice that bounced after a while a mail looks sent for as long, as one to a free address does', async () => {
  const { owner, intruder } = await addOwnerAndIntruder(database)
  const tools = deliverTools(database, scriptedMailer({ providerId: 'bounces' }))
  await deliver(tools, intruder.mailId)
  await age(database, intruder.user.id, 10)
  await recordReports(database.pool, {
    ...{ provider: 'resend', raisesEvents: true },
    reports: [{ providerId: 'bounces', kind: 'hard-bounce', at: new Date() }],
  })
  const again = await addPending(database, owner.user.email)
  await deliver(tools, again.mailId)
  expect(await codeSeenBy(database, again)).toMatchObject({ status: 'sent', sentAt: 'string', expiresAt: 'string' })
  expect(await type(database, again, 'wrong')).toMatchObject({ refusal: 'code-incorrect' })
  await database.pool.query(`update mails set bounced_at = bounced_at - interval '11 seconds' where id = $1`, [
    again.mailId,
  ])
  expect(await codeSeenBy(database, again)).toMatchObject({
    status: 'undeliverable',
    sentAt: 'object',
    expiresAt: 'object',
  })
  expect(await type(database, again, 'wrong')).toBe('code-not-sent')
})
