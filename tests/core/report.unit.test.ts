import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { isRecent, isSame, readJson, timeOf } from '../../src/core/mail/providers/report.ts'

const NOW = Date.UTC(2026, 10, 27, 12, 0, 0)

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('a time is recent within five minutes before and after, the ends too', () => {
  const seconds = NOW / 1000
  for (const near of [-300, 0, 300]) expect(isRecent(seconds + near)).toBe(true)
  for (const far of [-301, 301, -seconds, Number.NaN]) expect(isRecent(seconds + far)).toBe(false)
})

test('two texts are the same when all of them is', () => {
  expect(isSame('Bearer a', 'Bearer a')).toBe(true)
  for (const other of ['', 'Bearer b', 'Bearer a ', 'bearer a']) expect(isSame('Bearer a', other)).toBe(false)
})

test('JSON is read from text and bytes, and what is none is undefined', () => {
  expect(readJson('{"a":"é"}')).toEqual({ a: 'é' })
  expect(readJson(Buffer.from('{"a":"é"}'))).toEqual({ a: 'é' })
  expect(readJson('null')).toBeNull()
  for (const other of ['', '{']) expect(readJson(other)).toBeUndefined()
})

test.each([
  { value: 1_795_773_600, at: '2026-11-27T10:00:00.000Z' },
  { value: 1_795_773_600.5, at: '2026-11-27T10:00:00.500Z' },
  { value: '2026-11-27T10:00:00Z', at: '2026-11-27T10:00:00.000Z' },
  { value: 'yesterday', at: '2026-11-27T12:00:00.000Z' },
  { value: undefined, at: '2026-11-27T12:00:00.000Z' },
  { value: null, at: '2026-11-27T12:00:00.000Z' },
  { value: new Date(0), at: '2026-11-27T12:00:00.000Z' },
])('the time of $value is $at', ({ value, at }) => {
  expect(timeOf(value).toISOString()).toBe(at)
})
