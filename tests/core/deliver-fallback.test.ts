import { expect, test } from 'vitest'
import { deliverMail } from '../../src/core/mail/deliver-mail.ts'
import type { DeliverTools } from '../../src/core/mail/delivery.ts'
import { type Mailer, MailerUnavailable } from '../../src/core/mail/mailer.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools, testProvider } from '../support/delivery.ts'
import { addPending, age, clearNo, deliver, type Pending, refused, scriptedMailer, silence, type } from './fixtures.ts'

const database = shareTestDatabase()

const withTwo = (first: Mailer, second: Mailer): DeliverTools => ({
  ...deliverTools(database, first),
  providers: [
    testProvider({ ...first, format: 'first' }, 'resend'),
    testProvider({ ...second, format: 'second' }, 'postmark'),
  ],
})

const codeOf = (mail: { text: string } | undefined) => /^\d{4}$/m.exec(mail?.text ?? '')?.[0] ?? ''

const settledBy = async ({ mailId }: Pending) => {
  const found = await database.pool.query('select outcome, provider from mails where id = $1', [mailId])
  return found.rows[0]
}

test.each([
  { what: 'a clear no for now', answer: () => clearNo() },
  {
    what: 'trouble with our account',
    answer: () => new MailerUnavailable('resend-403 invalid-api-key', { isClearNo: true, isAboutUs: true }),
  },
  {
    what: 'a wish for a pause',
    answer: () =>
      new MailerUnavailable('resend-429', { isClearNo: true, isForEverybody: true, retryAfterMs: 86_400_000 }),
  },
])('after $what of the first the second gets the mail in the same run', async ({ answer }) => {
  const pending = await addPending(database)
  const [first, second] = [scriptedMailer(answer()), scriptedMailer()]
  expect(await deliver(withTwo(first, second), pending.mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
  expect([first.sent.length, second.sent.length]).toEqual([1, 1])
  expect(await settledBy(pending)).toEqual({ outcome: 'accepted', provider: 'postmark' })
  expect(await type(database, pending, codeOf(second.sent[0]?.mail))).toBe('activated')
})

test('a mail that the first refuses for good is not offered to the second', async () => {
  const pending = await addPending(database)
  const [first, second] = [scriptedMailer(refused()), scriptedMailer()]
  expect(await deliver(withTwo(first, second), pending.mailId)).toMatchObject({ end: 'failed' })
  expect(second.sent).toHaveLength(0)
})

test('a mail that got no answer stays with the first, under the same key, while its code can be repeated', async () => {
  const pending = await addPending(database)
  const [first, second] = [scriptedMailer(silence(), clearNo()), scriptedMailer()]
  const tools = withTwo(first, second)
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'later', reason: 'provider-silent' })
  await age(database, pending.user.id, 20)
  // A clear no to the repetition changes nothing: the first try may have been taken.
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'later', reason: 'provider-503' })
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'done' })
  expect(new Set(first.sent.map(({ key }) => key)).size).toBe(1)
  expect(second.sent).toHaveLength(0)
})

test('while the first must not be tried, a mail that it may have waits, and the second does not get it', async () => {
  const pending = await addPending(database)
  const [first, second] = [scriptedMailer(silence()), scriptedMailer()]
  const tools = withTwo(first, second)
  await deliver(tools, pending.mailId)
  tools.providers[0].circuit.noteTrouble(
    'a',
    new MailerUnavailable('resend-429', { isClearNo: true, isForEverybody: true, retryAfterMs: 60_000 }),
  )
  const open = tools.providers.slice(1).flatMap((provider) => provider ?? [])
  const request = { mailId: pending.mailId, signal: new AbortController().signal, open }
  expect(await deliverMail(tools, request)).toEqual({
    end: 'later',
    reason: 'waits-for-its-provider',
    inMs: 5000,
  })
  expect(second.sent).toHaveLength(0)
  // When the code cannot be repeated any more, a fresh one goes to the second, and the old one is dead.
  await age(database, pending.user.id, 31)
  expect(await deliverMail(tools, request)).toMatchObject({ end: 'done' })
  const [old, fresh] = [codeOf(first.sent[0]?.mail), codeOf(second.sent[0]?.mail)]
  if (old !== fresh) expect(await type(database, pending, old)).toBe('code-expired')
  expect(await type(database, pending, fresh)).toBe('activated')
})

test('both say no: as with one, and the next run begins with the first again', async () => {
  const pending = await addPending(database)
  const [first, second] = [scriptedMailer(clearNo()), scriptedMailer(clearNo())]
  const tools = withTwo(first, second)
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'later', reason: 'provider-503' })
  expect([first.sent.length, second.sent.length]).toEqual([1, 1])
  await age(database, pending.user.id, 60)
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'done' })
  expect([first.sent.length, second.sent.length]).toEqual([2, 1])
})

test('a mail that the first never answered about is no probe of it again: its fresh code goes to the second', async () => {
  const pending = await addPending(database)
  const [first, second] = [scriptedMailer(silence()), scriptedMailer()]
  const tools = withTwo(first, second)
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, 31)
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'done' })
  expect([first.sent.length, second.sent.length]).toEqual([1, 1])
})

test('a silent second keeps the mail too', async () => {
  const pending = await addPending(database)
  const [first, second] = [scriptedMailer(clearNo()), scriptedMailer(silence())]
  const tools = withTwo(first, second)
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'later' })
  expect(await deliver(tools, pending.mailId)).toMatchObject({ end: 'done' })
  expect([first.sent.length, second.sent.length]).toEqual([1, 2])
  expect(second.sent[0]?.key).toBe(second.sent[1]?.key)
})
