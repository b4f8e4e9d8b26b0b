import { expect, test } from 'vitest'
import { MailerUnavailable } from '../../src/core/mail/mailer.ts'
import { createMailTexts } from '../../src/core/mail/writing/mail-texts.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools, POLICY } from '../support/delivery.ts'
import { codeIn } from '../support/mail-provider.ts'
import {
  addActive,
  addPending,
  clearNo,
  deliver,
  digitsOf,
  expectSecondsLeft,
  readCode,
  readMail,
  scriptedMailer,
  silence,
  type,
} from './fixtures.ts'

const database = shareTestDatabase()

const keyUnusable = () => new MailerUnavailable('invalid-idempotent-request', { isClearNo: true, isKeyUnusable: true })

/** The tools after a restart that changed what leaves. */
const changed = {
  'a new text': (mailer: ReturnType<typeof scriptedMailer>) => ({
    ...deliverTools(database, mailer),
    texts: createMailTexts({ serviceName: 'Another', defaultLocale: 'en', ttlSeconds: POLICY.ttlSeconds }),
  }),
  'a new sender or provider': (mailer: ReturnType<typeof scriptedMailer>) =>
    deliverTools(database, { ...mailer, format: 'resend Another <codes@example.com>' }),
}

test.each(
  Object.entries(changed).flatMap(([what, restart]) => [
    { what, after: 'a clear no', step: clearNo, restart },
    { what, after: 'silence', step: silence, restart },
  ]),
)(
  '$what after $after leaves as a fresh code under a fresh key, and the former code is dead',
  async ({ step, restart }) => {
    const pending = await addPending(database)
    const mailer = scriptedMailer(step())
    await deliver(deliverTools(database, mailer), pending.mailId)
    expect(await deliver(restart(mailer), pending.mailId)).toMatchObject({ end: 'done', outcome: 'accepted' })
    const { codeId } = await readMail(database, pending.mailId)
    expect(codeId).not.toBe(pending.codeId)
    expect(mailer.sent.map(({ key }) => key)).toEqual([pending.codeId, codeId])
    expect(codeIn(mailer.sent[1]?.mail)).toBe(await digitsOf(database, codeId))
    expect(await readCode(database, pending.codeId)).toMatchObject({ isCurrent: false })
    expect(await type(database, pending, codeIn(mailer.sent[1]?.mail))).toBe('activated')
  },
)

test('a restart that changes nothing keeps key and bytes', async () => {
  const { mailId, codeId } = await addPending(database)
  const mailer = scriptedMailer(silence(), clearNo())
  for (let run = 0; run < 3; run += 1) await deliver(deliverTools(database, mailer), mailId)
  expect(mailer.sent.map(({ key }) => key)).toEqual([codeId, codeId, codeId])
  expect(new Set(mailer.sent.map(({ mail }) => JSON.stringify(mail))).size).toBe(1)
})

test('a key that the provider rejects is replaced by a fresh code under a fresh key with a whole minute', async () => {
  const pending = await addPending(database)
  const mailer = scriptedMailer(keyUnusable(), keyUnusable())
  const tools = deliverTools(database, mailer)
  for (let run = 0; run < 3; run += 1) await deliver(tools, pending.mailId)
  const keys = mailer.sent.map(({ key }) => key)
  expect(new Set(keys).size).toBe(3)
  const { codeId, outcome } = await readMail(database, pending.mailId)
  expect([keys[2], outcome]).toEqual([codeId, 'accepted'])
  await expectSecondsLeft(database, codeId, 60)
})

const addIntruder = async () => {
  const owner = await addActive(database)
  return addPending(database, owner.user.email)
}

test('a notice keeps its key while its bytes are the same, and takes a fresh one when they are not', async () => {
  const { mailId } = await addIntruder()
  const mailer = scriptedMailer(silence(), clearNo(), silence())
  for (let run = 0; run < 2; run += 1) await deliver(deliverTools(database, mailer), mailId)
  for (let run = 0; run < 2; run += 1) await deliver(changed['a new sender or provider'](mailer), mailId)
  const [first, second, third, fourth] = mailer.sent.map(({ key }) => key)
  expect([first, second]).toEqual([mailId, mailId])
  expect(third).not.toBe(mailId)
  expect(fourth).toBe(third)
})

test("a notice's rejected key is replaced too", async () => {
  const { mailId } = await addIntruder()
  const mailer = scriptedMailer(keyUnusable(), keyUnusable())
  for (let run = 0; run < 3; run += 1) await deliver(deliverTools(database, mailer), mailId)
  expect(new Set(mailer.sent.map(({ key }) => key)).size).toBe(3)
  expect(await readMail(database, mailId)).toMatchObject({ outcome: 'accepted' })
})

test('the digest beside a code is the same for all codes, and so tells none to who reads the table', async () => {
  const mailer = scriptedMailer()
  const digests = new Set<string>()
  for (const { mailId, codeId } of [await addPending(database), await addPending(database)]) {
    await deliver(deliverTools(database, mailer), mailId)
    const { rows } = await database.pool.query('select mail_digest as digest from codes where id = $1', [codeId])
    digests.add(rows[0]?.digest.toString('hex'))
  }
  expect([...digests]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
})
