import { expect, onTestFinished, test, vi } from 'vitest'
import { deliverMail } from '../../src/core/mail/deliver-mail.ts'
import type { DeliverTools } from '../../src/core/mail/delivery.ts'
import { createGuessSurge } from '../../src/core/registration/guess-surge.ts'
import { shareTestDatabase, silent } from '../support/database.ts'
import { deliverTools, testProvider } from '../support/delivery.ts'
import { codeIn } from '../support/mail-provider.ts'
import { addGuesses } from './add-guesses.ts'
import { addActive, addPending, clearNo, deliver, readMail, scriptedMailer, silence, type } from './fixtures.ts'

const database = shareTestDatabase()

test('four digits that somebody may have are replaced by eight when their mailbox was guessed out meanwhile', async () => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(silence())
  const tools = deliverTools(database, mailer)
  await deliver(tools, pending.mailId)
  await addGuesses(database, pending.user.email, 9)
  await deliver(tools, pending.mailId)
  const { codeId } = await readMail(database, pending.mailId)
  expect(mailer.sent.map(({ key }) => key)).toEqual([pending.codeId, codeId])
  expect(codeIn(mailer.sent[1]?.mail)).toMatch(/^\d{8}$/)
  expect(await type(database, pending, codeIn(mailer.sent[1]?.mail))).toBe('activated')
})

test('eight digits that somebody may have are repeated, however much was guessed', async () => {
  const pending = await addPending(database)
  await addGuesses(database, pending.user.email, 9)
  const mailer = scriptedMailer(silence())
  const tools = deliverTools(database, mailer)
  for (let run = 0; run < 2; run += 1) await deliver(tools, pending.mailId)
  expect(codeIn(mailer.sent[0]?.mail)).toMatch(/^\d{8}$/)
  expect(mailer.sent[1]).toEqual(mailer.sent[0])
})

test('most mails take two statements: one that claims and opens, one that settles', async () => {
  const { mailId } = await addPending(database)
  const spies = [vi.spyOn(database.pool, 'pipelined'), vi.spyOn(database.pool, 'query')]
  onTestFinished(() => spies.forEach((spy) => void spy.mockRestore()))
  await deliver(deliverTools(database, scriptedMailer()), mailId)
  expect(spies.map(({ mock }) => mock.calls.length)).toEqual([2, 0])
})

test('what each try measures of guesses all over the service is known to the process', async () => {
  const { mailId } = await addPending(database)
  const note = vi.fn()
  const surge = { ...createGuessSurge(silent), note }
  const tools = { ...deliverTools(database, scriptedMailer(clearNo())), surge }
  const measured = expect.objectContaining({ isSurge: false, wrongCodes: expect.anything() })
  await deliver(tools, mailId)
  expect(note.mock.calls).toEqual([[measured]])
  await deliver(tools, mailId)
  // The code of a second try is opened by a statement of its own.
  expect(note.mock.calls).toEqual([[measured], [measured], [measured]])
})

test('a mail that the first said no to, while the second was shut, goes to the first again', async () => {
  const { mailId } = await addPending(database)
  const [first, second] = [scriptedMailer(clearNo()), scriptedMailer()]
  const providers = [
    testProvider({ ...first, format: 'first' }, 'resend'),
    testProvider({ ...second, format: 'second' }, 'postmark'),
  ] as const
  const tools: DeliverTools = { ...deliverTools(database, first), providers }
  const signal = new AbortController().signal
  expect(await deliverMail(tools, { mailId, signal, open: [providers[0]] })).toMatchObject({ reason: 'provider-503' })
  expect(await deliver(tools, mailId)).toMatchObject({ end: 'done' })
  expect([first.sent.length, second.sent.length]).toEqual([2, 0])
})

test('a mail that did not leave stands for the notice that did, and the notice for itself', async () => {
  const owner = await addActive(database)
  const [first, second] = [await addPending(database, owner.user.email), await addPending(database, owner.user.email)]
  const tools = deliverTools(database, scriptedMailer())
  for (const { mailId } of [first, second]) await deliver(tools, mailId)
  const found = await database.pool.query('select id, stands_for as "standsFor" from mails where id = any($1)', [
    [first.mailId, second.mailId],
  ])
  expect(new Map(found.rows.map(({ id, standsFor }) => [id, standsFor]))).toEqual(
    new Map([
      [first.mailId, null],
      [second.mailId, first.mailId],
    ]),
  )
})
