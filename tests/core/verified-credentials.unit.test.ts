import { expect, onTestFinished, test, vi } from 'vitest'
import { createVerifiedCredentials } from '../../src/core/credentials/verified-credentials.ts'

test('only the same name, password and hash are remembered', () => {
  const verified = createVerifiedCredentials()
  verified.remember('id', 'password', 'hash')
  expect(verified.isVerified('id', 'password', 'hash')).toBe(true)
  expect(verified.isVerified('id', 'password', 'another hash')).toBe(false)
  expect(verified.isVerified('id', 'another password', 'hash')).toBe(false)
  expect(verified.isVerified('another id', 'password', 'hash')).toBe(false)
  expect([verified.holds('id', 'password'), verified.holds('id', 'another password')]).toEqual([true, false])
})

test('a minute after the hash it is over, however often it was used', () => {
  let now = 0
  const verified = createVerifiedCredentials({ nowMs: () => now })
  verified.remember('id', 'password', 'hash')
  now = 59_999
  expect(verified.isVerified('id', 'password', 'hash')).toBe(true)
  now = 60_000
  expect(verified.holds('id', 'password')).toBe(false)
})

test('it is bounded, and the least recently used goes first', () => {
  const verified = createVerifiedCredentials({ most: 2 })
  verified.remember('one', 'password', 'hash')
  verified.remember('two', 'password', 'hash')
  verified.holds('one', 'password')
  verified.remember('three', 'password', 'hash')
  expect(['one', 'two', 'three'].map((name) => verified.holds(name, 'password'))).toEqual([true, false, true])
})

test('who is remembered anew is the newest', () => {
  const verified = createVerifiedCredentials({ most: 2 })
  for (const name of ['one', 'two', 'one', 'three']) verified.remember(name, 'password', 'hash')
  expect(['one', 'two', 'three'].map((name) => verified.holds(name, 'password'))).toEqual([true, false, true])
})

test('by its own clock it lasts a minute too, whenever what is old is swept', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const verified = createVerifiedCredentials()
  verified.remember('id', 'password', 'hash')
  vi.advanceTimersByTime(59_000)
  expect(verified.holds('id', 'password')).toBe(true)
  verified.remember('another', 'password', 'hash')
  vi.advanceTimersByTime(1000)
  expect([verified.holds('id', 'password'), verified.holds('another', 'password')]).toEqual([false, true])
})
