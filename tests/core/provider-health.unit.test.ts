import { expect, test } from 'vitest'
import { createProviderHealth } from '../../src/core/mail/provider-health.ts'

test('it is well until a mail fails, and again when one comes through', () => {
  const health = createProviderHealth()
  expect(health.isWell()).toBe(true)
  health.noteTrouble('a')
  expect(health.isWell()).toBe(false)
  health.noteAnswer('b', 12)
  expect(health.isWell()).toBe(true)
  expect(health.latencyMs()).toBe(12)
})

test('a mail that keeps failing while others come through says nothing of the provider', () => {
  const health = createProviderHealth()
  health.noteTrouble('poison')
  health.noteAnswer('good', 1)
  health.noteTrouble('poison')
  expect(health.isWell()).toBe(true)
  health.noteTrouble('another')
  expect(health.isWell()).toBe(false)
})

test('when it came through at last, its next failure counts', () => {
  const health = createProviderHealth()
  health.noteTrouble('a')
  health.noteAnswer('b', 1)
  health.noteAnswer('a', 1)
  health.noteTrouble('a')
  expect(health.isWell()).toBe(false)
})

test('a failure that nobody repeats is forgotten after two minutes', () => {
  let now = 0
  const health = createProviderHealth(() => now)
  health.noteTrouble('given up')
  now = 119_999
  expect(health.isWell()).toBe(false)
  now = 120_000
  expect(health.isWell()).toBe(true)
})
