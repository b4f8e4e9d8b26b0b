import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findPasswordFault } from '../../src/core/credentials/password.ts'
import { isWellKnownPassword } from '../../src/core/credentials/well-known-passwords.ts'

const ADDRESS = 'somebody@example.com'

test.each([
  ['eight letters', 'qzvkwmxj'],
  ['spaces', 'four words and spaces'],
  ['a leading space', ' leading and trailing '],
  ['emoji', '🦉🦊🐻🐼🦁🐯🐮🐷'],
  ['another script', 'пароль длинный'],
  ['256 code points', '🦉'.repeat(256)],
  ['another address', 'nobody@example.com'],
])('a password with %s is taken', (_what, password) => {
  expect(findPasswordFault(password, ADDRESS, 8)).toBeNull()
})

test.each([
  ['seven characters', 'qzvkwmx', /at least 8/],
  ['seven emoji of fourteen UTF-16 units', '🦉🦊🐻🐼🦁🐯🐮', /at least 8/],
  ['seven letters with a combining accent each', 'e\u0301'.repeat(7), /at least 8/],
  ['257 code points', '🦉'.repeat(257), /at most 256/],
  ['a NUL', 'password\0and more', /control/],
  ['a line feed', 'two lines\nof text', /control/],
  ['a C1 control', 'something\u0085else', /control/],
  ['a lone surrogate', 'something \ud800 else', /Unicode/],
  ['nothing but being well known', 'password1', /well-known/],
  ['capital letters in a well-known one', 'PassWord1', /well-known/],
  ['the address', ADDRESS, /address/],
  ['the address in capital letters', ADDRESS.toUpperCase(), /address/],
])('a password with %s is not taken', (_what, password, fault) => {
  expect(findPasswordFault(password, ADDRESS, 8)).toMatch(fault)
})

test('without a readable address the other rules hold', () => {
  expect(findPasswordFault('short', null, 8)).not.toBeNull()
  expect(findPasswordFault('long enough to be taken', null, 8)).toBeNull()
})

test('the rules see both forms of a password alike, and never show it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.integer({ min: 1, max: 64 }), (password, min) => {
      const fault = findPasswordFault(password.normalize('NFC'), ADDRESS, min)
      expect(findPasswordFault(password.normalize('NFD'), ADDRESS, min)).toBe(fault)
    }),
  )
})

test('what is taken is well-formed, without control characters, and of a length that is counted in code points of its NFC form', () => {
  const passwords = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ maxLength: 40 }).map((text) => `${text}\ud83d`),
    fc.integer({ min: 250, max: 260 }).map((length) => '🦉'.repeat(length)),
  )
  fc.assert(
    fc.property(passwords, (password) => {
      const normal = password.normalize('NFC')
      const isRight =
        password.isWellFormed() && !/\p{Cc}/u.test(normal) && [...normal].length >= 8 && [...normal].length <= 256
      const isTaken = findPasswordFault(password, null, 8) === null
      expect(isTaken).toBe(isRight && !isWellKnownPassword(normal))
    }),
  )
})
