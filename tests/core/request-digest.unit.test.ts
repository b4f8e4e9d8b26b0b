import { expect, test } from 'vitest'
import { createKeyring, lookupKeys } from '../../src/core/credentials/keyring.ts'
import { requestDigests } from '../../src/core/registration/request-digest.ts'

const OLD = 'the secret that was there before it'
const NEW = 'the secret that is the newest of all'
const keyring = createKeyring([NEW, OLD])

const digestOf = (body: object) => requestDigests(keyring, body)[0].toString('hex')

const BODY = { email: 'ada@example.com', password: 'très long mot de passe', metadata: { a: [1, { b: 2, c: 3 }] } }

test('a digest is what it was in every version, or no repetition of a day ago would be one', () => {
  const told = '{"email":"ada@example.com","metadata":{"a":[1,{"b":2,"c":3}]},"password":null}'
  expect(requestDigests(keyring, BODY)).toEqual(lookupKeys(keyring, 'request-body', told))
})

test.each([
  [{ metadata: BODY.metadata, password: BODY.password, email: BODY.email }],
  [{ ...BODY, metadata: { a: [1, { c: 3, b: 2 }] } }],
  // It is told by its hash.
  [{ ...BODY, password: 'another long password' }],
])('the order of members, and the password, make no other body: %j', (body) => {
  expect(digestOf(body)).toBe(digestOf(BODY))
})

test.each([
  [{ ...BODY, email: 'ADA@example.com' }],
  [{ ...BODY, locale: 'de' }],
  [{ ...BODY, metadata: { a: [{ b: 2, c: 3 }, 1] } }],
  [{ ...BODY, metadata: { a: [1, { b: 2, c: 4 }] } }],
  [{ ...BODY, metadata: { a: [1, { b: 2, password: 3 }] } }],
  [{ ...BODY, metadata: { a: [1, { b: 2, c: 3 }], d: null } }],
  [{ ...BODY, metadata: { a: { 0: 1, 1: { b: 2, c: 3 } } } }],
  [{ ...BODY, password: BODY.password.normalize('NFD') }],
])('%j is another body', (body) => {
  expect(digestOf(body)).not.toBe(digestOf(BODY))
})

test('names that are told apart by one letter, or are numbers, have one order', () => {
  expect(digestOf({ aa: 1, ab: 2, b: 3, 10: 4, 9: 5 })).toBe(digestOf({ 9: 5, b: 3, 10: 4, ab: 2, aa: 1 }))
})

test('two forms of one password that are not NFC are two', () => {
  const word = 'éé'.normalize('NFD')
  expect(digestOf({ password: word })).not.toBe(digestOf({ password: `é${word.slice(2)}` }))
})
