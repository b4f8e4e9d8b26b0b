import { beforeEach, describe, expect, test } from 'vitest'
import { MailerUnavailable } from '../../../src/core/mail/mailer.ts'
import { type Circuit, createCircuit } from '../../../src/core/mail/routing/circuit.ts'
import { type Clock, createTestCircuit, failManyTimes, THRESHOLD, trouble } from './test-circuit.ts'

let clock: Clock
let gate: Circuit
beforeEach(() => {
  ;({ clock, gate } = createTestCircuit())
})

describe('while it is open', () => {
  test('everybody goes through', () => {
    for (let index = 0; index < 100; index += 1) expect(gate.enter()).toBe(0)
    expect(gate.isWell()).toBe(true)
  })

  test('fewer failing mails than five leave it open', () => {
    failManyTimes(gate, THRESHOLD - 1)
    expect(gate.enter()).toBe(0)
    expect(gate.isWell()).toBe(true)
  })

  test('one mail that fails for ever leaves it open', () => {
    for (let index = 0; index < 100; index += 1) expect(gate.noteTrouble('poison', trouble())).toBe(0)
    expect(gate.isWell()).toBe(true)
  })

  test('silence counts as any other failure where nobody else takes the mails', () => {
    const silent = new MailerUnavailable('provider-silent', { isClearNo: false })
    for (let index = 0; index < THRESHOLD - 1; index += 1) gate.noteTrouble(`mail ${index}`, silent)
    expect(gate.isWell()).toBe(true)
    gate.noteTrouble('one more', silent)
    expect(gate.isWell()).toBe(false)
  })

  test('failures with an answer between them do not add up', () => {
    failManyTimes(gate, THRESHOLD - 1)
    gate.noteAnswer()
    failManyTimes(gate, THRESHOLD - 1)
    expect(gate.isWell()).toBe(true)
  })

  test('the fifth failing mail closes it for a second', () => {
    // Nobody else is told: it may be this process that has no way out.
    expect(failManyTimes(gate)).toEqual([0, 0, 0, 0, 0])
    expect(gate.isWell()).toBe(false)
    expect(gate.enter()).toBe(1000)
  })

  test('jitter makes the pause as short as half', () => {
    gate = createCircuit(
      () => clock.now,
      () => 0,
    )
    failManyTimes(gate)
    expect(gate.enter()).toBe(500)
  })
})

describe('while it is closed', () => {
  beforeEach(() => void failManyTimes(gate))

  test('it tells everybody how long it stays so', () => {
    clock.now += 400
    expect(gate.enter()).toBe(600)
    expect(gate.enter()).toBe(600)
  })

  test('failures of calls that were out already change nothing', () => {
    clock.now += 400
    expect(gate.noteTrouble('late', trouble())).toBe(0)
    expect(gate.enter()).toBe(600)
  })

  test('then one probe goes through, and the others wait a second for its answer', () => {
    clock.now += 1000
    expect(gate.enter()).toBe(0)
    expect(gate.enter()).toBe(1000)
    clock.now += 999
    expect(gate.enter()).toBe(1)
    clock.now += 1
    expect(gate.enter()).toBe(0)
    expect(gate.enter()).toBe(1000)
  })

  test('each failing probe doubles the pause, up to four seconds', () => {
    const pauses = Array.from({ length: 6 }, (_, index) => {
      clock.now += gate.enter()
      expect(gate.enter()).toBe(0)
      expect(gate.noteTrouble(`probe ${index}`, trouble())).toBe(0)
      return gate.enter()
    })
    expect(pauses).toEqual([2000, 4000, 4000, 4000, 4000, 4000])
  })

  test('an answered probe opens it for everybody', () => {
    clock.now += gate.enter()
    gate.enter()
    gate.noteAnswer()
    expect(gate.isWell()).toBe(true)
    for (let index = 0; index < 10; index += 1) expect(gate.enter()).toBe(0)
  })

  test('opened again, it closes for a second at first, and only after five failing mails', () => {
    clock.now += gate.enter()
    gate.noteAnswer()
    failManyTimes(gate)
    expect(gate.enter()).toBe(1000)
  })
})

test('it tells the last failure until the provider answers', () => {
  expect(gate.trouble()).toBeNull()
  const last = trouble()
  gate.noteTrouble('one', trouble())
  gate.noteTrouble('two', last)
  expect(gate.trouble()).toBe(last)
  gate.noteAnswer()
  expect(gate.trouble()).toBeNull()
})

test('an answer forgets each of the failing mails: other ones have to fail five times again', () => {
  failManyTimes(gate, THRESHOLD - 1)
  gate.noteAnswer()
  gate.noteTrouble('another', trouble())
  expect(gate.isWell()).toBe(true)
})
