import { createHmac, hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKeyring, lookupKeys } from '../../src/core/credentials/keyring.ts'

const OLD = 'the secret that was there before it'
const NEW = 'the secret that is the newest of all'

test('the same secrets give the same keys, in another process too', () => {
  expect(createKeyring([NEW, OLD])).toEqual(createKeyring([NEW, OLD]))
})

test('keys are derived as they were in every version, or no code and no look-up key that is stored would fit', () => {
  const derived = (purpose: string, length: number) => Buffer.from(hkdfSync('sha256', OLD, 'latchkey', purpose, length))
  const keyring = createKeyring([OLD])
  const [codes, lookups] = [derived('codes', 32), derived('lookups', 32)]
  expect(keyring).toEqual([{ id: derived('id', 8).toString('hex'), codes, lookups }])
  expect(lookupKeys(keyring, 'limit', 'x')).toEqual([createHmac('sha256', lookups).update('limit:x').digest()])
})

test('a rotated key keeps what it was, behind the newest', () => {
  const [before] = createKeyring([OLD])
  const [newest, second, ...rest] = createKeyring([NEW, OLD])
  expect(second).toEqual(before)
  expect(newest.id).not.toBe(before.id)
  expect(rest).toEqual([])
})

test('codes, look-ups and the public id share nothing', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 32 }), (secret) => {
      const [key] = createKeyring([secret])
      expect(key.codes.equals(key.lookups)).toBe(false)
      expect(key.codes.toString('hex')).not.toContain(key.id)
      expect(key.lookups.toString('hex')).not.toContain(key.id)
      expect(key.id).toMatch(/^[0-9a-f]{16}$/)
    }),
  )
})

test('what was looked up before a rotation is found after it', () => {
  const [before] = lookupKeys(createKeyring([OLD]), 'mailbox', 'ada@example.com')
  const [newest, older] = lookupKeys(createKeyring([NEW, OLD]), 'mailbox', 'ada@example.com')
  expect(older).toEqual(before)
  expect(newest).not.toEqual(before)
})

test('one value has another key for each purpose', () => {
  const keyring = createKeyring([NEW])
  const hex = (['mailbox', 'idempotency-key', 'limit'] as const).map((kind) =>
    lookupKeys(keyring, kind, 'ada@example.com')[0].toString('hex'),
  )
  expect(new Set(hex).size).toBe(3)
})

test('a keyring needs a secret', () => {
  expect(() => createKeyring([])).toThrow('a keyring needs a secret')
})
