import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test, vi } from 'vitest'
import { payloadOf } from '../../src/core/postgres/announced-rows.ts'
import { createHeardRows, createNamedRows, type Duty } from '../../src/worker/delivery/heard-rows.ts'

const MOST = 3

const open = (duty: Duty) => {
  const notify = vi.fn()
  const heard = createHeardRows(duty, { notify, wait: () => Promise.resolve() }, MOST)
  return { ...heard, pauses: () => notify.mock.calls.map(([ms]) => ms) }
}

const OURS: Duty = { isOurs: true, priority: { of: 1000, atMs: 0 } }
const rows = (count: number) => Array.from({ length: count }, () => ({ id: randomUUID(), traceContext: null }))

test('the worker whose duty it is takes the rows that are named, the newer the sooner, once', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const { hear, take, pauses } = open({ ...OURS, priority: { of: 1000, atMs: performance.now() } })
  const [first, second, third] = rows(3)
  if (!first || !second || !third) throw new Error('three')
  vi.advanceTimersByTime(3900)
  hear(payloadOf([first, second]))
  vi.advanceTimersByTime(200)
  hear(payloadOf([third]))
  const as = { offers: 1, delayMs: 0 }
  expect(take()).toEqual([
    { ...first, ...as, priority: 1000 },
    { ...second, ...as, priority: 1000 },
    { ...third, ...as, priority: 999 },
  ])
  expect(take()).toEqual([])
  expect(pauses()).toEqual([0, 0])
})

test('no priority is lower than the lowest', () => {
  const { hear, take } = open({ ...OURS, priority: { of: 2, atMs: performance.now() - 60_000 } })
  hear(payloadOf(rows(1)))
  expect(take()).toMatchObject([{ priority: 1 }])
})

test('another worker looks for them a little later', () => {
  const { hear, take, pauses } = open({ isOurs: false, priority: null })
  hear(payloadOf(rows(1)))
  expect(take()).toBeNull()
  expect(pauses()).toEqual([10])
})

test.each([
  ['a notification that names none', OURS, ['']],
  ['one that nobody of us sent', OURS, ['anything']],
  ['a duty that is not confirmed yet', { isOurs: true, priority: null }, [payloadOf(rows(1))]],
  ['more than a look takes', OURS, [payloadOf(rows(2)), payloadOf(rows(2))]],
  ['one that names none between two that do', OURS, [payloadOf(rows(1)), '', payloadOf(rows(1))]],
] satisfies [string, Duty, string[]][])('after %s rows are looked for at once', (_, duty, payloads) => {
  const { hear, take, pauses } = open(duty)
  for (const payload of payloads) hear(payload)
  expect(take()).toBeNull()
  expect(take()).toEqual([])
  expect(pauses()).toEqual(payloads.map(() => 0))
})

test('a row that was offered by name is known until the second sweep after it', () => {
  const named = createNamedRows()
  const offered = { id: randomUUID(), priority: 1, offers: 1, delayMs: 0, traceContext: null }
  const isKnown = () => named.has(offered.id)
  expect(isKnown()).toBe(false)
  named.add([offered])
  expect(isKnown()).toBe(true)
  named.forgetOld()
  expect(isKnown()).toBe(true)
  named.forgetOld()
  expect(isKnown()).toBe(false)
})
