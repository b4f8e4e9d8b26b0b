import { expect, test } from 'vitest'
import type { UserRow } from '../../src/core/postgres/users.ts'
import { describeUser } from '../../src/core/registration/status.ts'

const at = (second: number) => new Date(Date.UTC(2026, 10, 27, 12, 0, second))

const ROW: UserRow = {
  ...{ id: 'an id', email: 'ada@example.com', ref: 'K7QX', locale: 'de', metadata: { plan: 'free' } },
  ...{ createdAt: at(0), activatedAt: null, resendAfter: at(30), resendInSeconds: 30 },
  ...{ attempts: 0, digits: 4, isOpen: false, sentAt: null, expiresAt: null, isExpired: false, isGuessedOut: false },
  ...{ outcome: null, isBounced: false, deliveredAt: null },
}
const SENT: UserRow = { ...ROW, isOpen: true, sentAt: at(1), expiresAt: at(61), outcome: 'accepted' }

const ACCOUNT = { id: 'an id', email: 'ada@example.com', ref: 'K7QX', locale: 'de', metadata: { plan: 'free' } }
const CREATED = { createdAt: '2026-11-27T12:00:00.000Z' }

test('a pending registration is shown with its code', () => {
  expect(describeUser({ ...SENT, deliveredAt: at(2) }, 3)).toEqual({
    ...{ ...ACCOUNT, ...CREATED, status: 'pending', activatedAt: null },
    code: {
      status: 'sent',
      sentAt: '2026-11-27T12:00:01.000Z',
      deliveredAt: '2026-11-27T12:00:02.000Z',
      expiresAt: '2026-11-27T12:01:01.000Z',
      attemptsLeft: 3,
      resendAfter: '2026-11-27T12:00:30.000Z',
    },
  })
})

test('an active one is shown without', () => {
  expect(describeUser({ ...SENT, activatedAt: at(9) }, 3)).toEqual({
    ...{ ...ACCOUNT, ...CREATED, status: 'active', activatedAt: '2026-11-27T12:00:09.000Z' },
    code: null,
  })
})

test.each([
  ['is queued', ROW, { status: 'queued', sentAt: null, deliveredAt: null, expiresAt: null, attemptsLeft: 3 }],
  [
    'may have been sent, has no deadline that is shown',
    { ...SENT, sentAt: null, outcome: null },
    { status: 'queued', sentAt: null, expiresAt: null },
  ],
  ['is expired', { ...SENT, isExpired: true }, { status: 'expired', attemptsLeft: 3 }],
  ['was guessed at', { ...SENT, attempts: 2 }, { status: 'sent', attemptsLeft: 1 }],
  ['is used up', { ...SENT, attempts: 3 }, { status: 'exhausted', attemptsLeft: 0 }],
  ['was made when more were allowed', { ...SENT, attempts: 5 }, { status: 'exhausted', attemptsLeft: 0 }],
  ['is of a guessed-out mailbox', { ...SENT, isGuessedOut: true }, { status: 'expired' }],
  ['did not arrive', { ...SENT, isBounced: true }, { status: 'undeliverable' }],
])('a code that %s', (_what, row, code) => {
  expect(describeUser(row, 3).code).toMatchObject(code)
})
