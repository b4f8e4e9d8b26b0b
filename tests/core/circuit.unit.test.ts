import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Mailer, MailerUnavailable, MailRefused } from '../../src/core/mail/mailer.ts'
import { type Circuit, createCircuit } from '../../src/core/mail/routing/circuit.ts'
import { watchMailer } from '../../src/worker/delivery/watch-mailer.ts'

const THRESHOLD = 5
const MAIL = { to: 'x@example.com', subject: '', text: '', html: '' }

const trouble = (details: { retryAfterMs?: number; isForEverybody?: boolean } = {}) =>
  new MailerUnavailable('provider-503', { isClearNo: true, ...details })

let now: number
let gate: Circuit

beforeEach(() => {
  now = 1_000_000
  // The longest pause that jitter gives.
  gate = createCircuit(
    () => now,
    () => 1,
  )
})

const failManyTimes = (count = THRESHOLD) =>
  Array.from({ length: count }, (_, index) => gate.noteTrouble(`mail ${index}`, trouble()))

describe('while it is open', () => {
  test('everybody goes through', () => {
    for (let index = 0; index < 100; index += 1) expect(gate.enter()).toBe(0)
    expect(gate.isWell()).toBe(true)
  })

  test('fewer failing mails than five leave it open', () => {
    failManyTimes(THRESHOLD - 1)
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
    failManyTimes(THRESHOLD - 1)
    gate.noteAnswer()
    failManyTimes(THRESHOLD - 1)
    expect(gate.isWell()).toBe(true)
  })

  test('the fifth failing mail closes it for a second', () => {
    // Nobody else is told: it may be this process that has no way out.
    expect(failManyTimes()).toEqual([0, 0, 0, 0, 0])
    expect(gate.isWell()).toBe(false)
    expect(gate.enter()).toBe(1000)
  })

  test('jitter makes the pause as short as half', () => {
    gate = createCircuit(
      () => now,
      () => 0,
    )
    failManyTimes()
    expect(gate.enter()).toBe(500)
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
      expect(gate.noteTrouble(`probe ${index}`, trouble())).toBe(0)
      return gate.enter()
    })
    expect(pauses).toEqual([2000, 4000, 4000, 4000, 4000, 4000])
  })

  test('an answered probe opens it for everybody', () => {
    now += gate.enter()
    gate.enter()
    gate.noteAnswer()
    expect(gate.isWell()).toBe(true)
    for (let index = 0; index < 10; index += 1) expect(gate.enter()).toBe(0)
  })

  test('opened again, it closes for a second at first, and only after five failing mails', () => {
    now += gate.enter()
    gate.noteAnswer()
    failManyTimes()
    expect(gate.enter()).toBe(1000)
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
  const onAsked = vi.fn<(ms: number) => void>()
  const onChange = vi.fn<(isWell: boolean) => void>()
  const sendThrough = (send: Mailer['send']) => {
    const mailer = watchMailer({ send, close: async () => {} }, gate, { onAsked, onChange })
    return (key: string) => mailer.send(MAIL, { idempotencyKey: key, signal: new AbortController().signal })
  }
  const reject = (error: Error) => sendThrough(() => Promise.reject(error))

  beforeEach(() => void [onAsked.mockClear(), onChange.mockClear()])

  test('passes answers and errors on as they are', async () => {
    expect(await sendThrough(async () => ({ providerId: 'taken' }))('a')).toEqual({ providerId: 'taken' })
    for (const error of [trouble(), new MailRefused('provider-422'), new TypeError('a bug')])
      await expect(reject(error)('b')).rejects.toBe(error)
  })

  test('tells once that the provider is in trouble, when the fifth mail fails, and once that it is over', async () => {
    const send = reject(trouble())
    for (const key of ['a', 'b', 'c', 'd']) await expect(send(key)).rejects.toThrow('provider-503')
    expect(onChange).not.toHaveBeenCalled()
    await expect(send('e')).rejects.toThrow('provider-503')
    await expect(send('f')).rejects.toThrow('provider-503')
    expect(onChange.mock.calls).toEqual([[false]])
    expect(onAsked).not.toHaveBeenCalled()
    now += 1000
    await sendThrough(async () => ({ providerId: null }))('g')
    expect(onChange.mock.calls).toEqual([[false], [true]])
  })

  test("tells of the provider's own word, which is for all workers", async () => {
    await expect(reject(trouble({ retryAfterMs: 7000, isForEverybody: true }))('a')).rejects.toThrow('provider-503')
    expect(onAsked.mock.calls).toEqual([[7000]])
  })

  test('counts a fresh code of the same mail as another, and the same key as one', async () => {
    const send = reject(trouble())
    for (let index = 0; index < 20; index += 1) await expect(send('same')).rejects.toThrow('provider-503')
    expect(gate.isWell()).toBe(true)
  })

  test('takes a refused mail for an answer: the provider works', async () => {
    failManyTimes()
    await expect(reject(new MailRefused('provider-422'))('a')).rejects.toThrow('provider-422')
    now += 1000
    expect(gate.isWell()).toBe(true)
  })

  test('takes a fault of our own for no trouble of the provider', async () => {
    for (let index = 0; index < 10; index += 1)
      await expect(reject(new TypeError('a bug'))(`${index}`)).rejects.toThrow('a bug')
    expect(gate.isWell()).toBe(true)
    expect(onAsked).not.toHaveBeenCalled()
  })
})

describe('a pause that the provider asked for', () => {
  test('ends in ten minutes at the latest, by a probe', () => {
    expect(gate.noteTrouble('mail', trouble({ retryAfterMs: 86_400_000, isForEverybody: true }))).toBe(600_000)
    expect(gate.enter()).toBe(600_000)
    now += 600_000
    expect(gate.enter()).toBe(0)
    expect(gate.enter()).toBe(1000)
  })

  test('is told of when all workers must know, and ends when an operator says so', () => {
    gate.noteTrouble('mail', trouble({ retryAfterMs: 60_000, isForEverybody: true }))
    expect(gate.askedForMs()).toBe(0)
    now += 2000
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
  failManyTimes(THRESHOLD - 1)
  gate.noteAnswer()
  gate.noteTrouble('another', trouble())
  expect(gate.isWell()).toBe(true)
})

test('a provider that asks for nothing leaves the pause that it asked for before as it is', () => {
  gate.noteTrouble('one', trouble({ isForEverybody: true, retryAfterMs: 60_000 }))
  now += 10_000
  gate.noteTrouble('two', trouble({ isForEverybody: true, retryAfterMs: 0 }))
  expect(gate.askedForMs()).toBe(50_000)
})
