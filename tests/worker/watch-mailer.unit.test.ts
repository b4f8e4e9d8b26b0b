import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Mailer, MailRefused } from '../../src/core/mail/mailer.ts'
import type { Circuit } from '../../src/core/mail/routing/circuit.ts'
import { watchMailer } from '../../src/worker/delivery/watch-mailer.ts'
import { type Clock, createTestCircuit, failManyTimes, trouble } from '../core/circuit/test-circuit.ts'

const MAIL = { to: 'x@example.com', subject: '', text: '', html: '' }

let clock: Clock
let gate: Circuit
beforeEach(() => {
  ;({ clock, gate } = createTestCircuit())
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
    clock.now += 1000
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
    failManyTimes(gate)
    await expect(reject(new MailRefused('provider-422'))('a')).rejects.toThrow('provider-422')
    clock.now += 1000
    expect(gate.isWell()).toBe(true)
  })

  test('takes a fault of our own for no trouble of the provider', async () => {
    for (let index = 0; index < 10; index += 1)
      await expect(reject(new TypeError('a bug'))(`${index}`)).rejects.toThrow('a bug')
    expect(gate.isWell()).toBe(true)
    expect(onAsked).not.toHaveBeenCalled()
  })
})
