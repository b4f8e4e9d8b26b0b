import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Circuit, createCircuit } from '../../../src/core/mail/routing/circuit.ts'
import { type Clock, createTestCircuit, failManyTimes, trouble } from './test-circuit.ts'

let clock: Clock
let gate: Circuit
beforeEach(() => {
  ;({ clock, gate } = createTestCircuit())
})

describe('while it is open', () => {
  test('a provider that asks for fewer mails closes it at once, for as long as it asks', () => {
    expect(gate.noteTrouble('mail', trouble({ retryAfterMs: 7000, isForEverybody: true }))).toBe(7000)
    expect(gate.enter()).toBe(7000)
  })

  test('a provider that asks for fewer mails and names no time closes it for a second', () => {
    expect(gate.noteTrouble('mail', trouble({ isForEverybody: true }))).toBe(1000)
  })

  test('a time that is meant for one mail does not close it', () => {
    expect(gate.noteTrouble('mail', trouble({ retryAfterMs: 7000 }))).toBe(0)
    expect(gate.enter()).toBe(0)
  })
})

describe('while it is closed', () => {
  beforeEach(() => void failManyTimes(gate))

  test('a longer time that the provider asks for is kept', () => {
    clock.now += 400
    expect(gate.noteTrouble('late', trouble({ retryAfterMs: 30_000, isForEverybody: true }))).toBe(30_000)
    expect(gate.enter()).toBe(30_000)
  })

  test('a shorter time that the provider asks for shortens nothing', () => {
    gate.noteTrouble('long', trouble({ retryAfterMs: 30_000, isForEverybody: true }))
    clock.now += 100
    gate.noteTrouble('short', trouble({ retryAfterMs: 1000, isForEverybody: true }))
    expect(gate.enter()).toBe(29_900)
  })
})

test('many at once who are asked to come later make one pause, not an ever longer one', () => {
  const pauses = Array.from({ length: 20 }, (_, index) =>
    gate.noteTrouble(`mail ${index}`, trouble({ retryAfterMs: 500, isForEverybody: true })),
  )
  expect(Math.max(...pauses)).toBe(1000)
})

test('an answer to a call that was out already does not end the pause that the provider asked for', () => {
  gate.noteTrouble('mail', trouble({ retryAfterMs: 7000, isForEverybody: true }))
  clock.now += 100
  gate.noteAnswer()
  expect(gate.enter()).toBe(6900)
})

describe('a pause that the provider asked for', () => {
  test('ends in ten minutes at the latest, by a probe', () => {
    expect(gate.noteTrouble('mail', trouble({ retryAfterMs: 86_400_000, isForEverybody: true }))).toBe(600_000)
    expect(gate.enter()).toBe(600_000)
    clock.now += 600_000
    expect(gate.enter()).toBe(0)
    expect(gate.enter()).toBe(1000)
  })

  test('is told of when all workers must know, and ends when an operator says so', () => {
    gate.noteTrouble('mail', trouble({ retryAfterMs: 60_000, isForEverybody: true }))
    expect(gate.askedForMs()).toBe(0)
    clock.now += 2000
    expect(gate.askedForMs()).toBe(58_000)
    gate.end()
    expect(gate.askedForMs()).toBe(0)
    expect(gate.enter()).toBe(0)
  })

  test('is not made longer or shorter by a wall clock that jumps', () => {
    const own = createCircuit(undefined, () => 1)
    own.noteTrouble('mail', trouble({ retryAfterMs: 60_000, isForEverybody: true }))
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 })
    expect(own.enter()).toBeGreaterThan(59_000)
    vi.setSystemTime(0)
    expect(own.enter()).toBeLessThanOrEqual(60_000)
    vi.useRealTimers()
  })
})

test('a provider that asks for nothing leaves the pause that it asked for before as it is', () => {
  gate.noteTrouble('one', trouble({ isForEverybody: true, retryAfterMs: 60_000 }))
  clock.now += 10_000
  gate.noteTrouble('two', trouble({ isForEverybody: true, retryAfterMs: 0 }))
  expect(gate.askedForMs()).toBe(50_000)
})
