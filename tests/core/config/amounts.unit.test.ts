import fc from 'fast-check'
import { expect, test } from 'vitest'
import { budgets, duration, readConfig, wholeNumber } from '../../../src/core/process/config.ts'
import { faultOf } from '../../support/config.ts'

test.each([
  ['90s', 90],
  ['15m', 900],
  ['1h', 3600],
  ['2d', 172_800],
  ['3650d', 315_360_000],
])('the duration %s is %i seconds', (given, seconds) => {
  expect(readConfig({ A: duration }, { A: given })).toEqual({ A: seconds })
})

test.each(['0s', '1', 'h', '1.5h', '-1h', '1w', '1 h', '1h30m', '3651d', '١h', '1H', ' 1h'])(
  '%j is no duration',
  (given) => {
    expect(faultOf(() => readConfig({ A: duration }, { A: given }))).toContain('A: must be a duration')
  },
)

test('budgets go round through their grammar', () => {
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }
  const units = fc.constantFrom('s' as const, 'm' as const, 'h' as const, 'd' as const)
  const part = fc.tuple(fc.integer({ min: 1, max: 999_999_999 }), fc.integer({ min: 1, max: 3650 }), units)
  // Two budgets of one length are refused: see the test of that below.
  const differing = fc.uniqueArray(part, {
    minLength: 1,
    maxLength: 4,
    selector: ([, amount, unit]) => amount * seconds[unit],
  })
  fc.assert(
    fc.property(differing, (parts) => {
      const given = parts.map(([max, amount, unit]) => `${max}/${amount}${unit}`).join(',')
      const wanted = parts.map(([max, amount, unit]) => ({ max, seconds: amount * seconds[unit] }))
      expect(readConfig({ A: budgets }, { A: given })).toEqual({ A: wanted })
    }),
  )
})

test('no text makes the grammar of budgets throw anything but its fault, and what it reads can be written down and read again', () => {
  const letters = fc.array(fc.constantFrom(...'019/,smhd offwy-.')).map((parts) => parts.join(''))
  fc.assert(
    fc.property(
      fc.oneof(letters, fc.string({ minLength: 1 }), fc.stringMatching(/^\d{1,11}\/\d{1,6}[smhdw](,\d\/\d[smhd])?$/)),
      (given) => {
        fc.pre(given !== '')
        if (faultOf(() => readConfig({ A: budgets }, { A: given })) !== null) return
        const { A: read } = readConfig({ A: budgets }, { A: given })
        for (const { max, seconds } of read) expect(max > 0 && seconds > 0 && seconds <= 3650 * 86_400).toBe(true)
        const written = read.map(({ max, seconds }) => `${max}/${seconds}s`).join(',') || 'off'
        expect(readConfig({ A: budgets }, { A: written })).toEqual({ A: read })
      },
    ),
    { numRuns: 1000 },
  )
})

test.each([
  ['off', []],
  [
    '20/1h, 60/24h',
    [
      { max: 20, seconds: 3600 },
      { max: 60, seconds: 86_400 },
    ],
  ],
])('the budgets %j are read', (given, wanted) => {
  expect(readConfig({ A: budgets }, { A: given })).toEqual({ A: wanted })
})

test.each([
  '0/1h',
  '20',
  '20/',
  '/1h',
  '20/1h,',
  ',',
  'OFF',
  '20/1h;60/24h',
  '1e3/1h',
  '-1/1h',
  'off,20/1h',
  '9/1d,9/24h',
])('%j are no budgets', (given) => {
  expect(faultOf(() => readConfig({ A: budgets }, { A: given }))).toContain('A: must be budgets')
})

test.each(['', '1.5', '-1', '+1', '1e3', '0x10', ' 1', '1 ', 'many', '101', '99999999999', '١'])(
  '%j is no whole number from 0 to 100',
  (given) => {
    expect(faultOf(() => readConfig({ A: wholeNumber(0, 100) }, { A: given }))).toContain('A: ')
  },
)

test('a whole number is read at both of its ends', () => {
  expect(readConfig({ A: wholeNumber(0, 100), B: wholeNumber(0, 100) }, { A: '0', B: '100' })).toEqual({ A: 0, B: 100 })
})
