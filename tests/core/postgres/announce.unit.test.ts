import { expect, onTestFinished, test, vi } from 'vitest'
import { announce, announceBehind, type News } from '../../../src/core/postgres/announce.ts'
import { createPool } from '../../../src/core/postgres/pool.ts'
import { silent } from '../../support/database.ts'

const MAILS = 'latchkey_mails'
const EVENTS = 'latchkey_events'

/** A pool, or a client, on which each notification waits until it is answered here. */
const notified = () => {
  const channels: string[] = []
  const payloads: string[] = []
  const answers: (() => void)[] = []
  const query = async (_text: string, [channel, payload]: unknown[]) => {
    channels.push(String(channel))
    payloads.push(String(payload))
    await new Promise<void>((resolve) => answers.push(resolve))
  }
  const answer = async () => {
    answers.shift()?.()
    await new Promise(setImmediate)
  }
  return { query, channels, payloads, answer }
}

const open = () => {
  const kept = notified()
  const pool = createPool('postgres://nobody@127.0.0.1:1/nothing', { max: 1, name: 'fake', logger: silent })
  return { ...kept, pool: Object.assign(pool, { query: vi.fn(kept.query) }) }
}

test('who asks while one is on its way shares the next, which follows five milliseconds after it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { pool, channels, answer } = open()
  for (let times = 0; times < 3; times += 1) void announce(pool, 'mails')
  await answer()
  await vi.advanceTimersByTimeAsync(4)
  expect(channels).toEqual([MAILS])
  await vi.advanceTimersByTimeAsync(1)
  expect(channels).toEqual([MAILS, MAILS])
  await answer()
  await vi.advanceTimersByTimeAsync(5)
  expect(channels).toEqual([MAILS, MAILS])
})

test('behind one that was answered nobody waits', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { pool, channels, answer } = open()
  void announce(pool, 'mails')
  await answer()
  void announce(pool, 'mails')
  expect(channels).toEqual([MAILS, MAILS])
})

const row = (id: string) => ({ id, traceContext: null })
const NEWS: News = new Map()
NEWS.set('mails', [row('a')]).set('events', null)

test('behind a commit its client sends what is not on its way already', async () => {
  const { pool, channels } = open()
  const client = notified()
  void announce(pool, 'mails')
  expect([...announceBehind(pool, NEWS, client).left]).toEqual([['mails', [row('a')]]])
  expect([channels, client.channels]).toEqual([[MAILS], [EVENTS]])
})

test('without a client all is left until the commit', async () => {
  const { pool, channels } = open()
  const { left, sent } = announceBehind(pool, NEWS, null)
  expect(left).toEqual(NEWS)
  expect(await sent).toEqual([])
  expect(channels).toEqual([])
})

test('rows are named as they were gathered, and looked for when one is not known or there are too many', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { pool, payloads, answer } = open()
  const next = async (...asked: Parameters<typeof announce>[2][]) => {
    for (const rows of asked) void announce(pool, 'mails', rows)
    await answer()
    await vi.advanceTimersByTimeAsync(5)
    return payloads.at(-1)
  }
  void announce(pool, 'mails', [row('a')])
  expect(payloads).toEqual([JSON.stringify([row('a')])])
  expect(await next([row('b')], [row('c'), row('d')])).toBe(JSON.stringify([row('b'), row('c'), row('d')]))
  expect(await next([row('e')], null, [row('f')])).toBe('')
  const hundred = Array.from({ length: 100 }, (_, index) => row(`${index}`))
  const [first, ...others] = hundred
  expect(await next(first ? [first] : [], others)).toBe(JSON.stringify(hundred))
  expect(await next(hundred, [row('a')])).toBe('')
})
