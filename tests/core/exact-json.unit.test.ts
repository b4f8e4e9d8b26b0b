import fc from 'fast-check'
import { expect, test } from 'vitest'
import { namesMemberTwice, parseJson } from '../../src/core/process/exact-json.ts'

test('any JSON is its value, with white space or without', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      for (const space of [undefined, 2]) {
        const text = JSON.stringify(value, null, space)
        expect(parseJson(text)).toEqual(JSON.parse(text))
      }
    }),
  )
})

test.each(['', '{', '{"a":1}x', "{'a':1}", '01', '1.', '.5', '+1', 'NaN', 'undefined'])('%j is no JSON', (text) => {
  expect(parseJson(text)).toBeUndefined()
})

test.each([
  ['0', 0],
  ['-0', -0],
  ['-0.000', -0],
  ['0e400', 0],
  ['1.5', 1.5],
  ['-12.50', -12.5],
  ['1500', 1500],
  ['10.0100', 10.01],
  ['100e-2', 1],
  ['0.001E+3', 1],
  ['15e-1', 1.5],
  ['1e21', 1e21],
  ['1000000000000000000000000', 1e24],
  ['0.1', 0.1],
  ['0.000000100', 1e-7],
  ['5e-324', 5e-324],
  ['1.7976931348623157e308', 1.7976931348623157e308],
  ['9007199254740991', 9007199254740991],
])('%s can be held', (text, value) => {
  expect(parseJson(text)).toBe(value)
  expect(parseJson(`{"a":[${text}]}`)).toEqual({ a: [value] })
})

test.each([
  ...['1e400', '-1e400', '1e-400', '12345678901234567890', '9007199254740993', '-9007199254740993'],
  ...['0.10000000000000000001', '1.00000000000000000001', '0.30000000000000004000001e1'],
])('%s cannot', (text) => {
  expect(parseJson(text)).toBeNaN()
  expect(parseJson(`{"a":[1,${text}]}`)).toEqual({ a: [1, Number.NaN] })
})

test.each([
  ['{"a":1,"a":1}', true],
  ['{"a":1,"b":2,"\\u0061":3}', true],
  ['{"b":{"a":1,"c":0,"a":2}}', true],
  ['[0,[{"a":{"b":1,"b":1}}],0]', true],
  ['{"__proto__":1,"__proto__":2}', true],
  ['{"a":1,"A":2,"a ":3}', false],
  ['{"a":{"a":[{"a":1},{"a":1}]},"b":{"a":1}}', false],
  ['["a","a"]', false],
  ['"a"', false],
  ['{}', false],
  ['', false],
])('%s names a member twice: %s', (text, isTwice) => {
  expect(namesMemberTwice(text)).toBe(isTwice)
})
