import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { claimMail, type FirstOpening, findUnclaimed } from '../../../src/core/postgres/outbox/mail-claims.ts'
import { settleMail } from '../../../src/core/postgres/outbox/mail-outcomes.ts'
import { shareTestDatabase } from '../../support/database.ts'
import { addPending, expectSecondsLeft, readCode } from '../fixtures.ts'

const database = shareTestDatabase()

const claim = async (mailId: string, opening: FirstOpening | null) => {
  const token = randomUUID()
  const claimed = await claimMail(database.pool, {
    ...{ mailId, token, leaseSeconds: 30, giveUpAfterSeconds: 3600 },
    opening,
  })
  return { token, claimed }
}

test('a mail of which nobody knows where it goes is claimed, and its code not opened', async () => {
  const { mailId, codeId } = await addPending(database)
  expect((await claim(mailId, null)).claimed).toMatchObject({
    isOpened: false,
    wrongCodes: null,
    isSurge: false,
  })
  expect(await readCode(database, codeId)).toMatchObject({ isOpen: false, secondsLeft: null })
})

test('a code is opened with its claim, unless too much was guessed at its mailbox', async () => {
  const open = async (guesses: number) => {
    const { mailId, codeId } = await addPending(database)
    const { rows } = await database.pool.query<{ keyId: string }>('select key_id as "keyId" from codes where id = $1', [
      codeId,
    ])
    await database.pool.query(
      'insert into guesses (mailbox_key) select mailbox_keys[1] from codes, generate_series(1, $2::integer) where id = $1',
      [codeId, guesses],
    )
    const opening = {
      ...{ keyId: rows[0]?.keyId ?? 'none', digest: Buffer.from('digest'), ttlSeconds: 60 },
      ...{ budgets: [{ max: 2, seconds: 86_400 }], isSurge: false },
    }
    return (await claim(mailId, opening)).claimed?.isOpened
  }
  expect(await open(1)).toBe(true)
  expect(await open(2)).toBe(false)
})

test('what is settled late gives the code the rest of the time that began with the answer', async () => {
  const { mailId, codeId } = await addPending(database)
  const { token } = await claim(mailId, null)
  const end = { outcome: 'accepted', ttlSeconds: 60, code: 'sent', raisesEvents: false } as const
  expect(await settleMail(database.pool, { mailId, token, agoSeconds: 20, ...end })).toMatchObject({
    outcome: 'accepted',
  })
  await expectSecondsLeft(database, codeId, 40)
})

test('a mail that a provider took without an id of its own is settled like any other', async () => {
  const { mailId } = await addPending(database)
  const { token } = await claim(mailId, null)
  const end = { outcome: 'accepted', provider: 'postmark', ttlSeconds: 60, code: 'sent', raisesEvents: false } as const
  expect(await settleMail(database.pool, { mailId, token, ...end })).toMatchObject({ outcome: 'accepted' })
  const reports = await database.pool.query('select from provider_reports where mail_id = $1', [mailId])
  expect(reports.rowCount).toBe(0)
})

test('the time until a mail is given up that the provider holds back counts only while it could be delivered', async () => {
  const { mailId } = await addPending(database)
  await database.pool.query(
    "update mails set failing_since = now() - interval '2 hours', retry_at = now() + interval '1 minute' where id = $1",
    [mailId],
  )
  expect((await claim(mailId, null)).claimed).toBeNull()
  const minutesLeft = async (possibleSince: string) => {
    await database.pool.query(
      `insert into outboxes (kind, possible_since) values ('mails', ${possibleSince})
       on conflict (kind) do update set possible_since = excluded.possible_since`,
    )
    const unclaimed = await findUnclaimed(database.pool, mailId, 3600)
    expect(unclaimed).toMatchObject({ outcome: null, isHeldBack: true })
    return Math.round((unclaimed?.giveUpInMs ?? 0) / 60_000)
  }
  expect(await minutesLeft("now() - interval '3 hours'")).toBe(-60)
  expect(await minutesLeft("now() - interval '20 minutes'")).toBe(40)
})
