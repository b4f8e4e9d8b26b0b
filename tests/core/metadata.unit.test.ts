import { expect, test } from 'vitest'
import { findMetadataFault } from '../../src/core/registration/metadata.ts'

// {"a":"…"} is 8 bytes around the letters.
const ofSize = (bytes: number, letter = 'x') => ({ a: letter.repeat((bytes - 8) / Buffer.byteLength(letter)) })

test.each([
  [{}],
  [{ plan: 'free', seats: 3, tags: ['a', null, true, { b: [0] }], none: null, more: { x: {} } }],
  [ofSize(1024)],
  [ofSize(1024, 'é')],
  [{ s: '🌍 \u0001', 'é 🌍': '' }],
])('%j may be metadata', (value) => {
  expect(findMetadataFault(value)).toBeNull()
})

const NO_OBJECT = 'must be a JSON object'
const TOO_LARGE = 'must have at most 1,024 bytes as compact JSON in UTF-8'
const NO_DOUBLE = 'must hold no number that a double cannot hold'
const NO_TEXT = 'must hold no \\u0000 and no lone surrogate'

test.each([
  [null, NO_OBJECT],
  [[], NO_OBJECT],
  ['a', NO_OBJECT],
  [1, NO_OBJECT],
  [ofSize(1025), TOO_LARGE],
  [ofSize(1026, 'é'), TOO_LARGE],
  [{ n: Number.NaN }, NO_DOUBLE],
  [{ one: 1, deep: [[{ n: Number.POSITIVE_INFINITY }]], other: 1 }, NO_DOUBLE],
  [{ s: 'a\0b' }, NO_TEXT],
  [{ 'a\0b': 1 }, NO_TEXT],
  [{ s: '\ud800' }, NO_TEXT],
  [{ a: [{ '\udc00': 1 }] }, NO_TEXT],
  [{ good: '', s: ['\udf0d\ud83c', ''] }, NO_TEXT],
])('%j is refused', (value, fault) => {
  expect(findMetadataFault(value)).toBe(fault)
})
