import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Allowance, UNLIMITED } from '../../src/core/postgres/rate-limits.ts'
import type { Credentials } from '../../src/core/postgres/users.ts'
import { readStatus } from '../../src/core/registration/status.ts'
import { shareTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { addGuesses } from './add-guesses.ts'
import {
  addActive,
  addPending,
  age,
  clearNo,
  deliver,
  digitsOf,
  otherThan,
  type Pending,
  refused,
  scriptedMailer,
  silence,
  type,
  useCaseTools,
  verified,
} from './fixtures.ts'

const database = shareTestDatabase()

const statusOf = (user: Credentials) => readStatus(useCaseTools(database), verified(user))

const send = (step?: Error) => async (pending: Pending) => {
  await deliver(deliverTools(database, scriptedMailer(...(step ? [step] : []))), pending.mailId)
}

test.each([
  ['queued before it was tried', [], { status: 'queued', attemptsLeft: 3, sentAt: null, expiresAt: null }],
  ['queued after a clear no', [send(clearNo())], { status: 'queued', sentAt: null, expiresAt: null }],
  ['queued after silence', [send(silence())], { status: 'queued', sentAt: null, expiresAt: null }],
  ['undeliverable when it was refused', [send(refused())], { status: 'undeliverable', sentAt: null }],
  ['sent', [send()], { status: 'sent', sentAt: expect.any(String), expiresAt: expect.any(String) }],
  ['expired', [send(), (pending: Pending) => age(database, pending.user.id, 61)], { status: 'expired' }],
  [
    'expired when too much is guessed at its mailbox',
    [send(), (pending: Pending) => addGuesses(database, pending.user.email, 9)],
    { status: 'expired' },
  ],
  [
    'exhausted',
    [
      send(),
      async (pending: Pending) => {
        const wrong = otherThan(await digitsOf(database, pending.codeId))
        for (let guess = 0; guess < 3; guess += 1) await type(database, pending, wrong)
      },
    ],
    { status: 'exhausted', attemptsLeft: 0 },
  ],
])('a code is %s', async (_status, steps, code) => {
  const pending = await addPending(database)
  for (const step of steps) await step(pending)
  expect(await statusOf(pending.user)).toMatchObject({ status: 'pending', activatedAt: null, code })
})

test('the times of a sent code are a minute apart, in ISO 8601 UTC', async () => {
  const pending = await addPending(database)
  await send()(pending)
  const { sentAt = null, expiresAt = null } = (await statusOf(pending.user))?.code ?? {}
  expect(sentAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const apart = Date.parse(expiresAt ?? '') - Date.parse(sentAt ?? '')
  expect(Math.abs(apart - 60_000)).toBeLessThanOrEqual(100)
})

test('nothing is shown when nothing is left of failed sign-ins', async () => {
  const { user } = await addPending(database)
  const logins: Allowance = {
    ...UNLIMITED,
    refuseUsedUp: () => {
      throw new Error('no sign-ins left')
    },
  }
  await expect(readStatus(useCaseTools(database), { user, logins })).rejects.toThrow('no sign-ins left')
})

test('an active registration has no code, and an unknown one no status', async () => {
  const { user, ref } = await addActive(database)
  expect(await statusOf(user)).toEqual({
    id: user.id,
    email: user.email,
    locale: 'en',
    metadata: {},
    status: 'active',
    ref,
    createdAt: expect.any(String),
    activatedAt: expect.any(String),
    code: null,
  })
  expect(await statusOf({ ...user, id: randomUUID() })).toBeNull()
})
