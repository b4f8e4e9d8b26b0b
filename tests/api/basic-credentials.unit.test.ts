import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseBasic } from '../../src/api/request/basic-credentials.ts'

const headerOf = (bytes: string | Uint8Array) => `Basic ${Buffer.from(bytes).toString('base64')}`
const hasControl = (value: string) => /\p{Cc}/u.test(value)
const texts = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed() && !hasControl(value))

test('any user and password come through as they were sent, colons in the password included', () => {
  fc.assert(
    fc.property(
      texts.map((value) => value.replaceAll(':', '')),
      texts,
      (userId, password) => {
        expect(parseBasic(headerOf(`${userId}:${password}`))).toEqual({ userId, password })
      },
    ),
  )
})

test('any bytes are read exactly when they are UTF-8 with a colon and without control characters', () => {
  const mostlyReadable = fc.oneof(
    fc.uint8Array(),
    texts.map((value) => new Uint8Array(Buffer.from(`${value}:x`))),
  )
  fc.assert(
    fc.property(mostlyReadable, (bytes) => {
      const text = Buffer.from(bytes).toString('utf8')
      const isReadable = Buffer.from(text).equals(bytes) && text.includes(':') && !hasControl(text)
      expect(parseBasic(headerOf(bytes)) !== null).toBe(isReadable)
    }),
  )
})

test('no header makes it throw, and what it reads stands in the header in one way only', () => {
  const base64 = fc.array(fc.constantFrom(...'AZaz09+/=- _,')).map((letters) => letters.join(''))
  fc.assert(
    fc.property(
      fc.constantFrom('Basic ', 'basic  ', 'Bearer ', ''),
      fc.oneof(base64, fc.base64String(), fc.string()),
      (scheme, token) => {
        const read = parseBasic(`${scheme}${token}`)
        if (!read) return
        const again = Buffer.from(`${read.userId}:${read.password}`).toString('base64')
        expect(again.replace(/=+$/, '')).toBe(token.trim().replace(/=+$/, ''))
        expect(scheme.toLowerCase().trim()).toBe('basic')
      },
    ),
    { numRuns: 1000 },
  )
})

test.each([
  ['blanks around the token', 'Basic   QTpC  ', { userId: 'A', password: 'B' }],
  ['padding that is left out', 'Basic QTo', { userId: 'A', password: '' }],
  ['padding, in whatever case the scheme', 'bASIC QTpCRA==', { userId: 'A', password: 'BD' }],
  ['padding of three', 'Basic QTpC===', null],
  ['no blank', 'BasicQTpC', null],
  ['another scheme', 'xBasic QTpC', null],
  ['something behind', 'Basic QTpC x', null],
  ['nothing', '', null],
  ['bits too many', 'Basic QTp=', null],
  ['a letter too many', 'Basic QTpCQ', null],
  ['what is no UTF-8', headerOf(new Uint8Array([0x41, 0x3a, 0xff])), null],
  ['a byte order mark', headerOf('\uFEFFA:B'), { userId: '\uFEFFA', password: 'B' }],
  ['a control character', headerOf('A:\nB'), null],
  ['no colon', headerOf('AB'), null],
  ['a colon at the start', headerOf(':B'), { userId: '', password: 'B' }],
])('%s: %s', (_, header, read) => {
  expect(parseBasic(header)).toEqual(read)
})
