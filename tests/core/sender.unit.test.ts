import { expect, test } from 'vitest'
import { domainOf, formatSender, namedSender, parseSender } from '../../src/core/mail/providers/sender.ts'

test.each([
  { from: 'codes@example.com', name: null, formatted: 'codes@example.com' },
  { from: '  codes@example.com ', name: null, formatted: 'codes@example.com' },
  { from: '<codes@example.com>', name: null, formatted: 'codes@example.com' },
  { from: ' Latchkey  < codes@example.com > ', name: 'Latchkey', formatted: 'Latchkey <codes@example.com>' },
  { from: 'Latchkey<codes@example.com>', name: 'Latchkey', formatted: 'Latchkey <codes@example.com>' },
  { from: '"" <codes@example.com>', name: null, formatted: 'codes@example.com' },
  { from: '"Latchkey" <codes@example.com>', name: 'Latchkey', formatted: 'Latchkey <codes@example.com>' },
  { from: 'A "B" C <codes@example.com>', name: 'A "B" C', formatted: '"A \\"B\\" C" <codes@example.com>' },
  {
    from: '"Back\\\\slash" <codes@example.com>',
    name: 'Back\\slash',
    formatted: '"Back\\\\slash" <codes@example.com>',
  },
  { from: '"A" B <codes@example.com>', name: '"A" B', formatted: '"\\"A\\" B" <codes@example.com>' },
  { from: 'A, B <codes@example.com>', name: 'A, B', formatted: '"A, B" <codes@example.com>' },
  { from: 'A <B> <codes@example.com>', name: 'A <B>', formatted: '"A <B>" <codes@example.com>' },
  { from: 'A: (B) <codes@example.com>', name: 'A: (B)', formatted: '"A: (B)" <codes@example.com>' },
  { from: 'Schlüssel 鍵 <codes@example.com>', name: 'Schlüssel 鍵', formatted: 'Schlüssel 鍵 <codes@example.com>' },
])('$from is of $name, and written $formatted', ({ from, name, formatted }) => {
  const email = 'codes@example.com'
  expect(parseSender(from)).toEqual({ name, email })
  expect(formatSender({ name, email })).toBe(formatted)
  expect(parseSender(formatted)).toEqual({ name, email })
  expect(namedSender(from)).toStrictEqual(name === null ? { email } : { email, name })
  expect(domainOf(from)).toBe('example.com')
})

test('a domain is what follows the last @', () => {
  expect(domainOf('Latchkey <"codes@desk"@example.com>')).toBe('example.com')
})
