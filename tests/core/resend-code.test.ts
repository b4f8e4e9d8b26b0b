import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { retryFailedMail } from '../../src/core/postgres/outbox/operator-retry.ts'
import { type Allowance, UNLIMITED } from '../../src/core/postgres/rate-limits.ts'
import type { Credentials } from '../../src/core/postgres/users.ts'
import { resendCode } from '../../src/core/registration/resend-code.ts'
import { readStatus } from '../../src/core/registration/status.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { addGuesses } from './add-guesses.ts'
import {
  addActive,
  addPending,
  age,
  currentMail,
  deliver,
  digitsOf,
  openFor,
  readCode,
  refused,
  resending,
  scriptedMailer,
  type,
  useCaseTools,
  verified,
} from './fixtures.ts'

const database = shareTestDatabase()

const resend = async (user: Credentials, cooldown = 0, mails = UNLIMITED) => {
  const tools = useCaseTools(database)
  const policy = { ...tools.policy, resendCooldownSeconds: cooldown }
  const resent = await resendCode({ ...tools, policy }, { ...resending(user), mails })
  return typeof resent === 'object' && 'mail' in resent ? resent.mail : resent
}

const addDelivered = async () => {
  const pending = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer()), pending.mailId)
  return pending
}

const countOf = async (userId: string) => {
  const found = await database.pool.query<{ current: number; codes: number; mails: number }>(
    `select count(distinct codes.id) filter (where superseded_at is null)::integer as current,
       count(distinct codes.id)::integer as codes, count(distinct mails.id)::integer as mails
     from codes
     join mails on mails.user_id = codes.user_id
     where codes.user_id = $1`,
    [userId],
  )
  return found.rows[0]
}

test('a resend ends the former code and enqueues a fresh one', async () => {
  const pending = await addDelivered()
  expect(await resend(pending.user)).toBe('enqueued')
  expect(await countOf(pending.user.id)).toEqual({ current: 1, codes: 2, mails: 2 })
  expect(await type(database, pending, await digitsOf(database, pending.codeId))).toBe('code-expired')
  const next = await currentMail(database, pending.user.id)
  await deliver(deliverTools(database, scriptedMailer()), next.id)
  expect(await type(database, pending, await digitsOf(database, next.codeId))).toBe('activated')
})

test('while the former mail waits there is nothing to resend', async () => {
  const { user } = await addPending(database)
  expect(await resend(user)).toBe('already-on-its-way')
  expect(await countOf(user.id)).toEqual({ current: 1, codes: 1, mails: 1 })
})

test('the cool-down gives the seconds that are left, rounded up', async () => {
  const { user } = await addDelivered()
  await age(database, user.id, 20)
  expect(await resend(user, 30)).toEqual({ waitSeconds: 10 })
  await age(database, user.id, 10)
  expect(await resend(user, 30)).toBe('enqueued')
})

test('an active registration and an unknown one get no code', async () => {
  const { user } = await addActive(database)
  expect(await resend(user)).toBe('already-active')
  expect(await resend({ ...user, id: randomUUID() })).toBe('gone')
})

test('no mail is spent when none is enqueued, and none is enqueued when it cannot be spent', async () => {
  const { user } = await addDelivered()
  const refuse: Allowance = {
    ...UNLIMITED,
    counters: [{ key: 'used up', seconds: 60 }],
    refuseOverspent: () => {
      throw new Error('no mails left')
    },
  }
  expect(await resend(user, 30, refuse)).toMatchObject({ waitSeconds: expect.any(Number) })
  await expect(resend(user, 0, refuse)).rejects.toThrow('no mails left')
  expect(await countOf(user.id)).toEqual({ current: 1, codes: 1, mails: 1 })
})

test('twenty parallel resends leave one current code and one new mail', async () => {
  const { user } = await addDelivered()
  const answers = await Promise.all(Array.from({ length: 20 }, () => resend(user)))
  expect(answers.filter((answer) => answer === 'enqueued')).toHaveLength(1)
  expect(answers.filter((answer) => answer === 'already-on-its-way')).toHaveLength(19)
  expect(await countOf(user.id)).toEqual({ current: 1, codes: 2, mails: 2 })
})

test('a refused mail may be resent', async () => {
  const { user, mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer(refused())), mailId)
  expect(await resend(user)).toBe('enqueued')
  expect((await readStatus(useCaseTools(database), verified(user)))?.code?.status).toBe('queued')
})

test('neither a resend nor a new registration gives the guesses of a mailbox back', async () => {
  const pending = await addDelivered()
  await addGuesses(database, pending.user.email, 9)
  await resend(pending.user)
  const next = await currentMail(database, pending.user.id)
  expect(await readCode(database, next.codeId)).toMatchObject({ digits: 8, attempts: 0 })
  const [local, domain] = pending.user.email.split('@')
  const tagged = await addPending(database, `${local}+again@${domain}`)
  expect(await readCode(database, tagged.codeId)).toMatchObject({ digits: 8 })
})

test('activation parallel to a resend ends in one of the two, never between', async () => {
  for (let round = 0; round < 10; round += 1) {
    const pending = await addPending(database)
    await openFor(database, pending.codeId)
    await database.pool.query(`update mails set settled_at = now(), outcome = 'accepted' where id = $1`, [
      pending.mailId,
    ])
    const code = await digitsOf(database, pending.codeId)
    const outcome = await Promise.all([type(database, pending, code), resend(pending.user)])
    expect([
      ['activated', 'already-active'],
      ['code-expired', 'enqueued'],
    ]).toContainEqual(outcome)
  }
})

test("an operator's retry parallel to a resend breaks neither", async () => {
  for (let round = 0; round < 10; round += 1) {
    const { user, mailId } = await addPending(database)
    const tools = deliverTools(database, scriptedMailer(refused()))
    await deliver(tools, mailId)
    const retry = retryFailedMail(database.pool, mailId).then(() => deliver(tools, mailId))
    const [delivery, resent] = await Promise.all([retry, resend(user)])
    expect(delivery).toMatchObject({ end: 'done' })
    expect(['enqueued', 'already-on-its-way']).toContain(resent)
  }
})

test('a resend notes what it measures of guesses on its way, and gives the registration as it then stands', async () => {
  const { user } = await addDelivered()
  const noted: unknown[] = []
  const tools = useCaseTools(database)
  const surge = { ...tools.surge, note: (measured: unknown) => void noted.push(measured) }
  const resent = await resendCode({ ...tools, surge }, resending(user))
  expect(noted).toEqual([{ wrongCodes: expect.any(Number), isSurge: false }])
  expect(resent).toEqual({ mail: 'enqueued', user: await readStatus(tools, verified(user)) })
})

test('nothing is resent when nothing is left of failed sign-ins', async () => {
  const { user } = await addDelivered()
  const logins: Allowance = {
    ...UNLIMITED,
    refuseUsedUp: () => {
      throw new Error('no sign-ins left')
    },
  }
  await expect(resendCode(useCaseTools(database), { ...resending(user), logins })).rejects.toThrow('no sign-ins left')
  expect(await countOf(user.id)).toEqual({ current: 1, codes: 1, mails: 1 })
})
