import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { withTimeLimit } from '../../../src/core/process/http/time-limit.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Ends when its signal aborts, with the reason. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
  })

test('work that ends in time gives its result, or its error, and leaves nothing behind', async () => {
  const own = new AbortController()
  const listened = [vi.spyOn(own.signal, 'addEventListener'), vi.spyOn(own.signal, 'removeEventListener')]
  const failure = new Error('no')
  let limited: AbortSignal | undefined
  const work = async (signal: AbortSignal) => {
    limited = signal
    return 'done'
  }
  expect(await withTimeLimit(own.signal, 1000, work)).toBe('done')
  await expect(withTimeLimit(own.signal, 1000, () => Promise.reject(failure))).rejects.toBe(failure)
  expect(vi.getTimerCount()).toBe(0)
  expect(listened.map(({ mock }) => mock.calls.length)).toEqual([2, 2])
  expect(listened[1]?.mock.calls).toEqual(listened[0]?.mock.calls)
  own.abort()
  expect(limited?.aborted).toBe(false)
})

test('work that takes longer is told so', async () => {
  const ended = withTimeLimit(new AbortController().signal, 1000, untilAborted).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(999)
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(await ended).toMatchObject({ name: 'TimeoutError' })
})

test('who aborts before or meanwhile ends the work, for his reason', async () => {
  const reason = new Error('enough')
  const own = new AbortController()
  const ended = expect(withTimeLimit(own.signal, 1000, untilAborted)).rejects.toBe(reason)
  own.abort(reason)
  await ended
  await expect(withTimeLimit(own.signal, 1000, untilAborted)).rejects.toBe(reason)
  expect(vi.getTimerCount()).toBe(0)
})
