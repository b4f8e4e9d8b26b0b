import { expect, test } from 'vitest'
import { createPublicRef } from '../../src/core/registration/public-ref.ts'

const refs = Array.from({ length: 5000 }, createPublicRef)

test('a reference is a letter, a digit and two letters, so that it is neither a word nor like a code', () => {
  const LETTER = '[BCDFGHJKLMNPQRSTVWXZ]'
  expect(refs.filter((ref) => !new RegExp(`^${LETTER}[2-9]${LETTER}{2}$`).test(ref))).toEqual([])
})

test('each letter and digit can stand at its place', () => {
  const seen = [0, 1, 2, 3].map((place) => new Set(refs.map((ref) => ref[place])).size)
  expect(seen).toEqual([20, 8, 20, 20])
})
