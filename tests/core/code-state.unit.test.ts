import { describe, expect, test } from 'vitest'
import {
  CODE_STATES,
  type CodeFacts,
  codeStateOf,
  mailFateOf,
  RESENDING,
} from '../../src/core/registration/code-state.ts'

const OPEN: CodeFacts = {
  ...{ isOpen: true, isExpired: false, isGuessedOut: false, isCurrent: true },
  ...{ attempts: 2, digits: 4 },
}

describe('a code', () => {
  test.each([
    ['open', {}, 'compared', 'repeat'],
    ['open', { isGuessedOut: true, digits: 8 }, 'compared', 'repeat'],
    ['guessed-out', { isGuessedOut: true }, 'code-expired', 'replace'],
    ['expired', { isExpired: true }, 'code-expired', 'replace'],
    ['expired', { isExpired: true, isGuessedOut: true }, 'code-expired', 'replace'],
    ['exhausted', { attempts: 3 }, 'code-exhausted', 'replace'],
    ['exhausted', { attempts: 4, isExpired: true }, 'code-exhausted', 'replace'],
    ['closed', { isOpen: false }, 'code-not-sent', 'open'],
    ['closed', { isOpen: false, isGuessedOut: true }, 'code-not-sent', 'open'],
    ['superseded', { isCurrent: false }, 'code-expired', 'drop'],
    ['superseded', { isCurrent: false, isOpen: false }, 'code-expired', 'drop'],
  ] as const)('is %s with %j', (state, facts, typed, next) => {
    expect(codeStateOf({ ...OPEN, ...facts }, 3)).toBe(state)
    expect(CODE_STATES[state]).toMatchObject({ typed, next })
  })

  test.each([
    ['closed', ['queued', 'queued']],
    ['open', ['queued', 'sent']],
    ['expired', ['queued', 'expired']],
    ['guessed-out', ['queued', 'expired']],
    ['exhausted', ['exhausted', 'exhausted']],
    ['superseded', ['expired', 'expired']],
  ] as const)('that is %s is shown by what became of its mail', (state, [waiting, left]) => {
    expect(CODE_STATES[state].shown).toEqual({ waiting, left, undeliverable: 'undeliverable' })
  })

  test('is compared in one state only', () => {
    const compared = Object.entries(CODE_STATES).filter(([, { typed }]) => typed === 'compared')
    expect(compared.map(([state]) => state)).toEqual(['open'])
  })
})

test.each([
  ['waiting', {}, 'already-on-its-way'],
  ['left', { outcome: 'accepted', sentAt: new Date(0) }, 'enqueued'],
  ['left', { outcome: 'dropped' }, 'enqueued'],
  // Its row was removed a week after it left.
  ['left', { sentAt: new Date(0) }, 'enqueued'],
  ['undeliverable', { outcome: 'refused' }, 'enqueued'],
  ['undeliverable', { outcome: 'given-up', sentAt: new Date(0) }, 'enqueued'],
  ['undeliverable', { outcome: 'accepted', isBounced: true }, 'enqueued'],
] as const)('a mail is %s with %j', (fate, facts, resending) => {
  expect(mailFateOf({ outcome: null, isBounced: false, sentAt: null, ...facts })).toBe(fate)
  expect(RESENDING[fate]).toBe(resending)
})
