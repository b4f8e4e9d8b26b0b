import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { CODE_PATTERN, deriveCode, isSameCode } from '../../src/core/registration/activation-code.ts'

const keyring = createKeyring(['a secret of thirty-two characters'])
const [{ id: keyId }] = keyring
const derive = (id: string, digits = 4) => deriveCode(keyring, { id, digits, keyId })

describe('a derived code', () => {
  test('is the same on every worker and every day', () => {
    const id = '4f6c2d4e-5d0a-4f7e-9d6c-0a7f4f0f6c11'
    const elsewhere = createKeyring(['a secret of thirty-two characters'])
    expect(deriveCode(elsewhere, { id, digits: 4, keyId })).toBe(derive(id))
    // Written down: a release that derives other digits kills every code that is under way.
    expect(derive(id)).toBe('1332')
    expect(derive(id, 8)).toBe('56981332')
  })

  test.each([4, 8])('has %i digits, whatever its id', (digits) => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(derive(id, digits)).toMatch(new RegExp(`^[0-9]{${digits}}$`))
        expect(derive(id, digits)).toMatch(CODE_PATTERN)
      }),
    )
  })

  test('is unknown without the key that it was derived under', () => {
    const other = createKeyring(['another secret of thirty-two chars'])
    expect(deriveCode(other, { id: randomUUID(), digits: 4, keyId })).toBeNull()
  })

  test('is found under an older key, and differs under another', () => {
    const rotated = createKeyring(['another secret of thirty-two chars', 'a secret of thirty-two characters'])
    const ids = Array.from({ length: 50 }, () => randomUUID())
    const under = (key: string) => ids.map((id) => deriveCode(rotated, { id, digits: 8, keyId: key }))
    expect(under(keyId)).toEqual(ids.map((id) => derive(id, 8)))
    expect(under(rotated[0].id)).not.toEqual(under(keyId))
  })

  test.each([4, 8])('of %i digits is uniform, leading zeros and nines included', (digits) => {
    // Fixed ids, so that the verdict is the same on every run.
    const codes = Array.from({ length: 20_000 }, (_, index) => derive(`code-${index}`, digits) ?? '')
    const chiSquare = (buckets: number, bucketOf: (code: string) => number) => {
      const counts = new Array<number>(buckets).fill(0)
      for (const code of codes) counts[bucketOf(code)] = (counts[bucketOf(code)] ?? 0) + 1
      const expected = codes.length / buckets
      return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    }
    // Mean 99 with 99 degrees of freedom; 149 is exceeded once in a thousand. Likewise 28 with 9 degrees.
    expect(chiSquare(100, (code) => Number(code.slice(0, 2)))).toBeLessThan(149)
    expect(chiSquare(100, (code) => Number(code.slice(-2)))).toBeLessThan(149)
    for (let place = 0; place < digits; place++) expect(chiSquare(10, (code) => Number(code[place]))).toBeLessThan(28)
    // Two neighbouring places do not depend on each other.
    for (let place = 1; place < digits; place++)
      expect(chiSquare(100, (code) => Number(code.slice(place - 1, place + 1)))).toBeLessThan(149)
  })

  test('of 4 digits comes up as often as chance says: about 86 % of all codes in 20,000 draws, and no 8 digits twice too often', () => {
    const differentOnes = (digits: number) =>
      new Set(Array.from({ length: 20_000 }, (_, index) => derive(`code-${index}`, digits))).size
    expect(differentOnes(4)).toBeGreaterThan(8500)
    expect(differentOnes(4)).toBeLessThan(8800)
    // Two pairs are to be expected.
    expect(differentOnes(8)).toBeGreaterThan(19_985)
  })

  test('can be 0000 and can be 9999', () => {
    const seen = new Set<string | null>()
    for (let index = 0; index < 150_000 && !(seen.has('0000') && seen.has('9999')); index += 1) {
      seen.add(derive(`code-${index}`))
    }
    expect(seen).toContain('0000')
    expect(seen).toContain('9999')
  })
})

test.each([
  ['1234', '1234', true],
  ['1234', '1235', false],
  ['0123', '123', false],
  ['1234', '12341234', false],
  ['', '1234', false],
  ['１２３４', '1234', false],
])('%j and %j are the same code: %s', (typed, code, isSame) => {
  expect(isSameCode(typed, code)).toBe(isSame)
})

test.each(['12a4', '123', '12345', ' 1234', '1234\n', '１２３４', '', '123456789', '+123', '1e10'])(
  '%j does not look like a code',
  (typed) => {
    expect(CODE_PATTERN.test(typed)).toBe(false)
  },
)
