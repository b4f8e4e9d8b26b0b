import { expect, onTestFinished, test, vi } from 'vitest'
import { createWakeUp } from '../../src/worker/delivery/wake-up.ts'

test('of ten workers that hear every notification one looks each time, and the others now and then', async () => {
  const stopped = new AbortController()
  let waiting = 0
  const looks = Array.from({ length: 10 }, () => 0)
  const workers = looks.map(() => createWakeUp())
  const run = async (index: number) => {
    let hasFound = true
    while (!stopped.signal.aborted) {
      await workers[index]?.wait(60_000, hasFound, stopped.signal)
      looks[index] = (looks[index] ?? 0) + 1
      hasFound = waiting > 0
      waiting = 0
    }
  }
  const running = looks.map((_look, index) => run(index))
  for (let notification = 0; notification < 100; notification += 1) {
    waiting += 1
    for (const { notify } of workers) notify()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  stopped.abort()
  await Promise.all(running)
  expect(waiting).toBe(0)
  // A thousand if each looked each time.
  expect(looks.reduce((sum, count) => sum + count, 0)).toBeLessThan(500)
})

test('who finds something looks at once at the next notification, and none between two looks is missed', async () => {
  const { signal } = new AbortController()
  const { notify, wait } = createWakeUp()
  notify()
  await wait(60_000, true, signal)
  const next = wait(60_000, true, signal)
  notify()
  await next
  expect(signal.aborted).toBe(false)
})

test('what may be looked at only after a while is waited for, once', async () => {
  const { signal } = new AbortController()
  const { notify, wait } = createWakeUp(() => 1)
  notify(50)
  notify()
  const begun = performance.now()
  await wait(60_000, true, signal)
  const paused = performance.now() - begun
  expect(paused).toBeGreaterThanOrEqual(49)
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  notify()
  await wait(60_000, true, signal)
  expect(vi.getTimerCount()).toBe(0)
})

test('an abort ends the wait', async () => {
  await createWakeUp().wait(60_000, false, AbortSignal.abort())
  const stopping = new AbortController()
  const waiting = createWakeUp().wait(60_000, false, stopping.signal)
  stopping.abort()
  await waiting
  expect(stopping.signal.aborted).toBe(true)
})
