import { expect, test } from 'vitest'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { readStatus } from '../../src/core/registration/status.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { codeIn } from '../support/mail-provider.ts'
import { SECRET_KEY } from '../support/secret-key.ts'
import { addGuesses } from './add-guesses.ts'
import {
  accepted,
  addPending,
  age,
  clearNo,
  deliver,
  digitsOf,
  expectSecondsLeft,
  otherThan,
  readCode,
  readMail,
  refused,
  scriptedMailer,
  silence,
  type,
  useCaseTools,
  verified,
} from './fixtures.ts'

const database = shareTestDatabase()

test('an accepted code has its whole minute, however long it waited', async () => {
  const pending = await addPending(database)
  await age(database, pending.user.id, 3000)
  await deliver(deliverTools(database, scriptedMailer()), pending.mailId)
  await expectSecondsLeft(database, pending.codeId, 60)
})

test('the minute ends 60 s after acceptance, not after the call began', async () => {
  const pending = await addPending(database)
  const slow = async () => {
    await age(database, pending.user.id, 5)
    return accepted
  }
  await deliver(deliverTools(database, scriptedMailer(slow)), pending.mailId)
  const { secondsLeft } = await readCode(database, pending.codeId)
  expect(secondsLeft).toBeGreaterThan(56)
})

test('a code that arrives while the call still hangs works', async () => {
  const pending = await addPending(database)
  const typing = async (mail: { text: string }) => {
    expect(await type(database, pending, codeIn(mail))).toBe('activated')
    return accepted
  }
  const delivery = await deliver(deliverTools(database, scriptedMailer(typing)), pending.mailId)
  expect(delivery).toMatchObject({ end: 'done', outcome: 'accepted' })
})

test('nobody can use a code after a clear no', async () => {
  const pending = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer(clearNo())), pending.mailId)
  expect(await type(database, pending, await digitsOf(database, pending.codeId))).toBe('code-not-sent')
})

test('after a clear no the same code gets a full minute under the same key', async () => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(clearNo())
  const tools = deliverTools(database, mailer)
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, 600)
  await deliver(tools, pending.mailId)
  expect(mailer.sent.map(({ key }) => key)).toEqual([pending.codeId, pending.codeId])
  expect(mailer.sent[1]).toEqual(mailer.sent[0])
  await expectSecondsLeft(database, pending.codeId, 60)
})

test('after silence the code runs on, works, and counts as queued', async () => {
  const pending = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer(silence())), pending.mailId)
  await age(database, pending.user.id, 20)
  await expectSecondsLeft(database, pending.codeId, 40)
  const { policy } = useCaseTools(database)
  expect((await readStatus({ ...useCaseTools(database), policy }, verified(pending.user)))?.code).toMatchObject({
    status: 'queued',
    sentAt: null,
    expiresAt: null,
  })
  expect(await type(database, pending, await digitsOf(database, pending.codeId))).toBe('activated')
})

test('after silence a retry repeats key and bytes while half of the minute is left, and the deadline stays', async () => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(silence(), silence())
  const tools = deliverTools(database, mailer)
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, 10)
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, 10)
  await deliver(tools, pending.mailId)
  expect(mailer.sent).toHaveLength(3)
  expect(mailer.sent[1]).toEqual(mailer.sent[0])
  expect(mailer.sent[2]).toEqual(mailer.sent[0])
  expect(await readMail(database, pending.mailId)).toMatchObject({ outcome: 'accepted' })
  await expectSecondsLeft(database, pending.codeId, 40)
})

test('a clear no after silence does not close the code', async () => {
  const pending = await addPending(database)
  const tools = deliverTools(database, scriptedMailer(silence(), clearNo()))
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, 10)
  await deliver(tools, pending.mailId)
  await expectSecondsLeft(database, pending.codeId, 50)
  await deliver(tools, pending.mailId)
  await expectSecondsLeft(database, pending.codeId, 50)
})

test('a refusal after silence does not kill the code that somebody may hold', async () => {
  const pending = await addPending(database)
  const tools = deliverTools(database, scriptedMailer(silence(), refused()))
  await deliver(tools, pending.mailId)
  await deliver(tools, pending.mailId)
  expect(await readMail(database, pending.mailId)).toMatchObject({ outcome: 'refused' })
  expect(await type(database, pending, await digitsOf(database, pending.codeId))).toBe('activated')
})

test.each([31, 61, 4000])('%i s after silence a fresh code leaves under a fresh key with a full minute', async (s) => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(silence())
  const tools = deliverTools(database, mailer)
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, s)
  await deliver(tools, pending.mailId)
  const { codeId } = await readMail(database, pending.mailId)
  expect(codeId).not.toBe(pending.codeId)
  expect(mailer.sent.map(({ key }) => key)).toEqual([pending.codeId, codeId])
  expect(codeIn(mailer.sent[1]?.mail)).toBe(await digitsOf(database, codeId))
  await expectSecondsLeft(database, codeId, 60)
  expect(await readCode(database, pending.codeId)).toMatchObject({ isCurrent: false })
  expect(await type(database, pending, await digitsOf(database, codeId))).toBe('activated')
})

test('a fresh code after silence is closed by a clear no, and the one before stays dead', async () => {
  const pending = await addPending(database)
  const tools = deliverTools(database, scriptedMailer(silence(), clearNo()))
  await deliver(tools, pending.mailId)
  await age(database, pending.user.id, 40)
  await deliver(tools, pending.mailId)
  const { codeId } = await readMail(database, pending.mailId)
  expect(await readCode(database, codeId)).toMatchObject({ isOpen: false })
  expect(await type(database, pending, await digitsOf(database, pending.codeId))).toBe('code-expired')
})

test('a code whose secret was rotated away is replaced before it leaves', async () => {
  const pending = await addPending(database)
  const mailer = scriptedMailer()
  const rotated = createKeyring(['another secret key that only the tests use'])
  await deliver({ ...deliverTools(database, mailer), keyring: rotated }, pending.mailId)
  const { codeId } = await readMail(database, pending.mailId)
  expect(codeId).not.toBe(pending.codeId)
  expect(mailer.sent[0]?.key).toBe(codeId)
  expect(codeIn(mailer.sent[0]?.mail)).toMatch(/^\d{4}$/)
})

test('a code whose secret is no longer the newest leaves as it is', async () => {
  const pending = await addPending(database)
  const mailer = scriptedMailer()
  const rotated = createKeyring(['another secret key that only the tests use', SECRET_KEY])
  await deliver({ ...deliverTools(database, mailer), keyring: rotated }, pending.mailId)
  expect(mailer.sent[0]?.key).toBe(pending.codeId)
  expect(codeIn(mailer.sent[0]?.mail)).toBe(await digitsOf(database, pending.codeId))
})

test('a code whose attempts were used up while a call hung is replaced by the next try', async () => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(silence())
  const tools = deliverTools(database, mailer)
  await deliver(tools, pending.mailId)
  const wrong = otherThan(await digitsOf(database, pending.codeId))
  for (let guess = 0; guess < 3; guess += 1) await type(database, pending, wrong)
  await deliver(tools, pending.mailId)
  const { codeId } = await readMail(database, pending.mailId)
  expect(codeId).not.toBe(pending.codeId)
  expect(await type(database, pending, await digitsOf(database, codeId))).toBe('activated')
})

test('nobody receives four digits that are dead already because the mailbox was guessed out while the mail waited', async () => {
  const pending = await addPending(database)
  await addGuesses(database, pending.user.email, 9)
  const mailer = scriptedMailer()
  await deliver(deliverTools(database, mailer), pending.mailId)
  expect(codeIn(mailer.sent[0]?.mail)).toMatch(/^\d{8}$/)
  expect(await type(database, pending, codeIn(mailer.sent[0]?.mail))).toBe('activated')
})
