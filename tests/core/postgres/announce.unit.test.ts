import { expect, onTestFinished, test, vi } from 'vitest'
import { announce, announceBehind } from '../../../src/core/postgres/announce.ts'
import { createPool } from '../../../src/core/postgres/pool.ts'
import { silent } from '../../support/database.ts'

/** A pool, or a client, on which each notification waits until it is answered here. */
const notified = () => {
  const channels: string[] = []
  const answers: (() => void)[] = []
  const query = async (_text: string, [channel]: unknown[]) => {
    channels.push(String(channel))
    await new Promise<void>((resolve) => answers.push(resolve))
  }
  const answer = async () => {
    answers.shift()?.()
    await new Promise(setImmediate)
  }
  return { query, channels, answer }
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
  for (let times = 0; times < 3; times += 1) void announce(pool, 'one')
  await answer()
  await vi.advanceTimersByTimeAsync(4)
  expect(channels).toEqual(['one'])
  await vi.advanceTimersByTimeAsync(1)
  expect(channels).toEqual(['one', 'one'])
  await answer()
  await vi.advanceTimersByTimeAsync(5)
  expect(channels).toEqual(['one', 'one'])
})

test('behind one that was answered nobody waits', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { pool, channels, answer } = open()
  void announce(pool, 'one')
  await answer()
  void announce(pool, 'one')
  expect(channels).toEqual(['one', 'one'])
})

test('behind a commit its client sends what is not on its way already', async () => {
  const { pool, channels } = open()
  const client = notified()
  void announce(pool, 'one')
  expect(announceBehind(pool, ['one', 'other'], client).left).toEqual(['one'])
  expect([channels, client.channels]).toEqual([['one'], ['other']])
})

test('without a client all is left until the commit', async () => {
  const { pool, channels } = open()
  const { left, sent } = announceBehind(pool, ['one', 'other'], null)
  expect(left).toEqual(['one', 'other'])
  expect(await sent).toEqual([])
  expect(channels).toEqual([])
})
