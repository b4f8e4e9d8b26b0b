import { expect, test } from 'vitest'
import { rowOf } from '../../../src/core/postgres/connection/row-of.ts'

test('a statement that always gives a row gives it, and is at fault without', () => {
  expect(rowOf([{ one: 1 }])).toEqual({ one: 1 })
  expect(() => rowOf([])).toThrow('a statement that always gives a row gave none')
})
