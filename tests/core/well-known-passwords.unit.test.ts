import { readFileSync } from 'node:fs'
import { dictionary } from '@zxcvbn-ts/language-common'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isWellKnownPassword } from '../../src/core/credentials/well-known-passwords.ts'

const FILE = new URL('../../src/core/credentials/well-known-passwords.txt', import.meta.url)
const list = dictionary['passwords-common']

test('the file is the list of zxcvbn in the order of its bytes', () => {
  const lines = list.map((password) => Buffer.from(`${password}\n`)).toSorted(Buffer.compare)
  expect(readFileSync(FILE).equals(Buffer.concat(lines))).toBe(true)
})

test('every password of the list is found, in whatever case', () => {
  expect(list.filter((password) => !isWellKnownPassword(password))).toEqual([])
  expect(
    list.filter((password) => !isWellKnownPassword(password.toUpperCase())).filter((it) => /^[ -~]+$/.test(it)),
  ).toEqual([])
})

test('nothing else is found', () => {
  const known = new Set(list)
  const near = fc
    .constantFrom(...list)
    .chain((password) => fc.constantFrom(`${password}!`, password.slice(1), `\n${password}`, `${password}\n`))
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (password) => {
      expect(isWellKnownPassword(password)).toBe(known.has(password.toLowerCase()))
    }),
    { numRuns: 2000 },
  )
})
