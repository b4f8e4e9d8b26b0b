import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Mailer, MailerUnavailable } from '../../src/core/mail/mailer.ts'
import { type Circuit, createCircuit } from '../../src/core/mail/routing/circuit.ts'
import { openProviders } from '../../src/core/mail/routing/routes.ts'
import { watchMailer } from '../../src/worker/delivery/watch-mailer.ts'
import { testProvider } from '../support/delivery.ts'

const MAIL = { to: 'x@example.com', subject: '', text: '', html: '' }
const MAX_PAUSE_MS = 30_000
const SILENT = new MailerUnavailable('resend-silent', { isClearNo: false })
const NOT_NOW = new MailerUnavailable('resend-503', { isClearNo: true })

let circuit: Circuit
let isSpared: boolean
beforeEach(() => {
  vi.useFakeTimers()
  isSpared = true
  circuit = createCircuit(undefined, () => 1, MAX_PAUSE_MS)
})
afterEach(() => void vi.useRealTimers())

/** A call that the test ends when it likes. */
const call = (key: string) => {
  const answer = Promise.withResolvers<{ providerId: null }>()
  const mailer: Mailer = { provider: 'resend', send: () => answer.promise, close: async () => {} }
  const watched = watchMailer(mailer, circuit, { onAsked: () => {}, onChange: () => {}, isSpared: () => isSpared })
  const sent = watched
    .send(MAIL, { idempotencyKey: key, signal: new AbortController().signal })
    .catch((error: unknown) => error)
  return {
    answer: () => {
      answer.resolve({ providerId: null })
      return sent
    },
    fail: (error: Error) => {
      answer.reject(error)
      return sent
    },
  }
}
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('while another provider would take the mails', () => {
  test('one who waits for three seconds while nobody is answered shuts the first, long before the time limit', async () => {
    call('a')
    await wait(2999)
    expect(circuit.isWell()).toBe(true)
    await wait(1)
    expect(circuit.isWell()).toBe(false)
    expect(circuit.trouble()?.message).toBe('resend-slow')
    expect(circuit.enter()).toBe(8000)
  })

  test('a slow answer does not open it again, and what comes of the slow call counts no second time', async () => {
    const [slow, silent] = [call('a'), call('b')]
    await wait(3000)
    await slow.answer()
    await silent.fail(SILENT)
    expect(circuit.isWell()).toBe(false)
    expect(circuit.enter()).toBe(8000)
    await wait(8000)
    expect(circuit.enter()).toBe(0)
    await call('probe').answer()
    expect(circuit.isWell()).toBe(true)
  })

  test('one hanging call among others that are answered shuts nothing', async () => {
    call('poison')
    for (let second = 0; second < 10; second += 1) {
      await wait(1000)
      await call(`good ${second}`).answer()
    }
    expect(circuit.isWell()).toBe(true)
  })

  test('two whose calls broke off shut it for eight seconds, and each further probe for longer', async () => {
    await call('a').fail(SILENT)
    expect(circuit.isWell()).toBe(true)
    await call('b').fail(SILENT)
    const pauses = []
    for (const probe of ['c', 'd', 'e']) {
      pauses.push(circuit.enter())
      await wait(circuit.enter())
      await call(probe).fail(NOT_NOW)
    }
    expect([...pauses, circuit.enter()]).toEqual([8000, 16_000, 30_000, 30_000])
  })

  test('a clear no is no silence: five in a row shut it, for a second', async () => {
    for (const key of ['a', 'b', 'c', 'd']) await call(key).fail(NOT_NOW)
    expect(circuit.isWell()).toBe(true)
    await call('e').fail(NOT_NOW)
    expect(circuit.enter()).toBe(1000)
  })
})

describe('while no other provider would take them', () => {
  beforeEach(() => {
    isSpared = false
  })

  test('slow is not silent, and its answer opens what was shut', async () => {
    const slow = call('a')
    await wait(9000)
    expect(circuit.isWell()).toBe(true)
    for (const key of ['b', 'c', 'd', 'e', 'f']) await call(key).fail(SILENT)
    expect(circuit.isWell()).toBe(false)
    await slow.answer()
    expect(circuit.isWell()).toBe(true)
  })
})

describe('a first that is quiet for most of a second', () => {
  test('is passed by, until it answers', async () => {
    const [first, second] = [testProvider({ ...NONE }, 'resend'), testProvider({ ...NONE }, 'postmark')]
    const end = first.circuit.begin()
    expect(openProviders([first, second])).toEqual({ open: [first, second] })
    await wait(800)
    expect(openProviders([first, second])).toEqual({ open: [second] })
    end()
    expect(openProviders([first, second])).toEqual({ open: [first, second] })
    first.circuit.begin()
    await wait(800)
    first.circuit.noteAnswer()
    expect(openProviders([first, second])).toEqual({ open: [first, second] })
  })

  test('keeps its mails where there is no second, or the second is in trouble', async () => {
    const [first, second] = [testProvider({ ...NONE }, 'resend'), testProvider({ ...NONE }, 'postmark')]
    first.circuit.begin()
    await wait(5000)
    expect(openProviders([first])).toEqual({ open: [first] })
    second.circuit.noteTrouble('a', new MailerUnavailable('x-429', { isClearNo: true, isForEverybody: true }))
    expect(openProviders([first, second])).toEqual({ open: [first] })
  })
})

const NONE: Mailer = { send: async () => ({ providerId: null }), close: async () => {} }
