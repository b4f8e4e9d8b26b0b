import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Mailer, MailerUnavailable, MailRefused } from '../../src/core/mail/mailer.ts'
import { type CircuitBreaker, createCircuitBreaker, watchMailer } from '../../src/worker/delivery/circuit-breaker.ts'

const THRESHOLD = 5
const MAIL = { to: 'x@example.com', subject: '', text: '', html: '' }

const trouble = (details: { retryAfterMs?: number; isForEverybody?: boolean } = {}) =>
  new MailerUnavailable('provider-503', { isClearNo: true, ...details })

let now: number
let gate: CircuitBreaker

beforeEach(() => {
  now = 1_000_000
  // The longest pause that jitter gives.
  gate = createCircuitBreaker(
    () => now,
    () => 1,
  )
})

const failManyTimes = (count = THRESHOLD) =>
  Array.from({ length: count }, (_, index) => gate.noteTrouble(`mail ${index}`, trouble()))

describe('while it is open', () => {
  test('everybody goes through', () => {
    for (let index = 0; index < 100; index += 1) expect(gate.enter()).toBe(0)
    expect(gate.isOpen()).toBe(true)
  })

  test('fewer failing mails than five leave it open', () => {
    expect(failManyTimes(THRESHOLD - 1)).toEqual([0, 0, 0, 0])
    expect(gate.isOpen()).toBe(true)
  })

  test('one mail that fails for ever leaves it open', () => {
    for (let index = 0; index < 100; index += 1) expect(gate.noteTrouble('poison', trouble())).toBe(0)
    expect(gate.isOpen()).toBe(true)
  })

  test('failures with an answer between them do not add up', () => {
    failManyTimes(THRESHOLD - 1)
    gate.noteAnswer()
    failManyTimes(THRESHOLD - 1)
    expect(gate.isOpen()).toBe(true)
  })

  test('the fifth failing mail closes it for a second', () => {
    expect(failManyTimes()).toEqual([0, 0, 0, 0, 1000])
    expect(gate.isOpen()).toBe(false)
    expect(gate.enter()).toBe(1000)
  })

  test('jitter makes the pause as short as half', () => {
    gate = createCircuitBreaker(
      () => now,
      () => 0,
    )
    expect(failManyTimes().at(-1)).toBe(500)
  })

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
  beforeEach(() => void failManyTimes())

  test('it tells everybody how long it stays so', () => {
    now += 400
    expect(gate.enter()).toBe(600)
    expect(gate.enter()).toBe(600)
  })

  test('failures of calls that were out already change nothing', () => {
    now += 400
    expect(gate.noteTrouble('late', trouble())).toBe(0)
    expect(gate.enter()).toBe(600)
  })

  test('a longer time that the provider asks for is kept', () => {
    now += 400
    expect(gate.noteTrouble('late', trouble({ retryAfterMs: 30_000, isForEverybody: true }))).toBe(30_000)
    expect(gate.enter()).toBe(30_000)
  })

  test('a shorter time that the provider asks for shortens nothing', () => {
    gate.noteTrouble('long', trouble({ retryAfterMs: 30_000, isForEverybody: true }))
    now += 100
    gate.noteTrouble('short', trouble({ retryAfterMs: 1000, isForEverybody: true }))
    expect(gate.enter()).toBe(29_900)
  })

  test('then one probe goes through, and the others wait a second for its answer', () => {
    now += 1000
    expect(gate.enter()).toBe(0)
    expect(gate.enter()).toBe(1000)
    now += 999
    expect(gate.enter()).toBe(1)
    now += 1
    expect(gate.enter()).toBe(0)
    expect(gate.enter()).toBe(1000)
  })

  test('each failing probe doubles the pause, up to four seconds', () => {
    const pauses = Array.from({ length: 6 }, (_, index) => {
      now += gate.enter()
      expect(gate.enter()).toBe(0)
      return gate.noteTrouble(`probe ${index}`, trouble())
    })
    expect(pauses).toEqual([2000, 4000, 4000, 4000, 4000, 4000])
  })

  test('an answered probe opens it for everybody', () => {
    now += gate.enter()
    gate.enter()
    gate.noteAnswer()
    expect(gate.isOpen()).toBe(true)
    for (let index = 0; index < 10; index += 1) expect(gate.enter()).toBe(0)
  })

  test('opened again, it closes for a second at first, and only after five failing mails', () => {
    now += gate.enter()
    gate.noteAnswer()
    expect(failManyTimes()).toEqual([0, 0, 0, 0, 1000])
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
  now += 100
  gate.noteAnswer()
  expect(gate.enter()).toBe(6900)
})

describe('a watched mailer', () => {
  const onPause = vi.fn<(ms: number) => void>()
  const sendThrough = (send: Mailer['send']) => {
    const mailer = watchMailer({ send, close: async () => {} }, gate, onPause)
    return (key: string) => mailer.send(MAIL, { idempotencyKey: key, signal: new AbortController().signal })
  }
  const reject = (error: Error) => sendThrough(() => Promise.reject(error))

  beforeEach(() => void onPause.mockClear())

  test('passes answers and errors on as they are', async () => {
    expect(await sendThrough(async () => ({ providerId: 'taken' }))('a')).toEqual({ providerId: 'taken' })
    for (const error of [trouble(), new MailRefused('provider-422'), new TypeError('a bug')])
      await expect(reject(error)('b')).rejects.toBe(error)
  })

  test('tells of a pause once, when the fifth mail fails', async () => {
    const send = reject(trouble())
    for (const key of ['a', 'b', 'c', 'd']) await expect(send(key)).rejects.toThrow('provider-503')
    expect(onPause).not.toHaveBeenCalled()
    await expect(send('e')).rejects.toThrow('provider-503')
    await expect(send('f')).rejects.toThrow('provider-503')
    expect(onPause.mock.calls).toEqual([[1000]])
  })

  test('counts a fresh code of the same mail as another, and the same key as one', async () => {
    const send = reject(trouble())
    for (let index = 0; index < 20; index += 1) await expect(send('same')).rejects.toThrow('provider-503')
    expect(gate.isOpen()).toBe(true)
  })

  test('takes a refused mail for an answer: the provider works', async () => {
    failManyTimes()
    await expect(reject(new MailRefused('provider-422'))('a')).rejects.toThrow('provider-422')
    now += 1000
    expect(gate.isOpen()).toBe(true)
  })

  test('takes a fault of our own for no trouble of the provider', async () => {
    for (let index = 0; index < 10; index += 1)
      await expect(reject(new TypeError('a bug'))(`${index}`)).rejects.toThrow('a bug')
    expect(gate.isOpen()).toBe(true)
    expect(onPause).not.toHaveBeenCalled()
  })
})
