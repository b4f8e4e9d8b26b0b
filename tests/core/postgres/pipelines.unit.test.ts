import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openPipelines } from '../../../src/core/postgres/connection/pipelines.ts'

type Waiting = { connection: number; text: string; resolve(): void; reject(error: Error): void }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.advanceTimersByTime(1000)
})
afterEach(() => {
  vi.useRealTimers()
})

const turn = () => new Promise(setImmediate)

/** Connections on which each statement waits until it is answered here; `released` tells what each was given back with. */
const open = () => {
  const waiting: Waiting[] = []
  const released: { connection: number; error: unknown }[] = []
  const failures: unknown[] = []
  let connections = 0
  const connect = async () => {
    const connection = connections
    connections += 1
    return Object.assign(new pg.Client(), {
      query: (text: string) =>
        new Promise<void>((resolve, reject) => waiting.push({ connection, text, resolve, reject })),
      release: (error?: unknown) => void released.push({ connection, error }),
    })
  }
  const ask = openPipelines(Object.assign(new pg.Pool(), { connect }))
  /** Asks for one more, and tells on which connection it is. */
  const send = async () => {
    ask('select 1').catch((error: unknown) => failures.push(error))
    await turn()
    return waiting.at(-1)?.connection
  }
  /** Ends the statement that waits the longest. */
  const end = async (error?: Error) => {
    const first = waiting.shift()
    if (error) first?.reject(error)
    else first?.resolve()
    await turn()
  }
  return { send, end, released, failures, texts: () => waiting.map(({ text }) => text) }
}

const unavailable = Object.assign(new Error('lost'), { code: 'ECONNRESET' })

test('one that moves takes a thousand statements, and the next one has another', async () => {
  const { send } = open()
  const places = new Set<unknown>()
  for (let times = 0; times < 1000; times += 1) places.add(await send())
  expect([...places]).toEqual([0])
  expect(await send()).toBe(1)
})

test('one has stood still when it gave no answer for twenty milliseconds', async () => {
  const { send, end } = open()
  expect(await send()).toBe(0)
  vi.advanceTimersByTime(19)
  expect(await send()).toBe(0)
  vi.advanceTimersByTime(1)
  expect(await send()).toBe(1)
  await end()
  vi.advanceTimersByTime(19)
  expect(await send()).toBe(0)
})

test('one that is lost is joined by nobody, and ended when all that wait there have failed', async () => {
  const { send, end, released, failures } = open()
  await send()
  await send()
  await end(unavailable)
  expect(released).toEqual([])
  expect(await send()).toBe(1)
  await end(new Error('what follows'))
  expect(released).toEqual([{ connection: 0, error: unavailable }])
  expect(failures).toEqual([unavailable, new Error('what follows')])
})

test('a refused statement ends no connection, and when the last is answered it goes back', async () => {
  const { send, end, released, failures } = open()
  const refused = new Error('no')
  await send()
  await send()
  await end(refused)
  expect(await send()).toBe(0)
  await end()
  expect(released).toEqual([])
  await end()
  expect(released).toEqual([{ connection: 0, error: undefined }])
  expect(failures).toEqual([refused])
  expect(await send()).toBe(1)
})

test('three that wait together wait for the disk together, two do not', async () => {
  const { send, texts } = open()
  await send()
  await send()
  expect(texts()).toEqual(['select 1', 'select 1'])
  await send()
  expect(texts().filter((text) => text.includes('synchronous_commit'))).toHaveLength(2)
})

test.each([
  ['goes back to the pool when its commits wait for the disk by themselves again', undefined, undefined],
  ['is ended when it cannot be told that they must', unavailable, true],
])('a session that shared its waits %s', async (_what, error, isEnded) => {
  const { send, end, released } = open()
  for (let times = 0; times < 3; times += 1) await send()
  // The three, the flush and what began it.
  for (let times = 0; times < 5; times += 1) await end()
  expect(released).toEqual([])
  await end(error)
  expect(released).toEqual([{ connection: 0, error: isEnded }])
})

test('without a connection the statement fails for want of it', async () => {
  const lost = new Error('no room')
  const ask = openPipelines(Object.assign(new pg.Pool(), { connect: () => Promise.reject(lost) }))
  await expect(ask('select 1')).rejects.toBe(lost)
})
