import { randomInt } from 'node:crypto'

const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const DIGITS = '23456789'

/** A short public reference such as `K7QX`: never a run of digits that looks like a code, nor a word, nor 0/O or 1/I. */
export const createPublicRef = (): string =>
  [LETTERS, DIGITS, LETTERS, LETTERS].map((alphabet) => alphabet[randomInt(alphabet.length)]).join('')
