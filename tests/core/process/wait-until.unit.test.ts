import { expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/process/config.ts'
import { waitUntil } from '../../../src/core/process/wait-until.ts'
import { keepLog } from '../../support/kept-log.ts'

const away = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

test('what is there at once is given without a word', async () => {
  const { logger, lines } = keepLog()
  const { signal } = new AbortController()
  expect(await waitUntil('a store', async () => 'there', { logger, signal })).toBe('there')
  expect(lines()).toEqual([])
})

test('what is away is asked for again after a pause, and the log says so once, and once that it is there', async () => {
  const { logger, lines } = keepLog()
  const { signal } = new AbortController()
  const asked: number[] = []
  const ask = async () => {
    asked.push(performance.now())
    if (asked.length <= 2) throw away()
    return 'there'
  }
  expect(await waitUntil('a store', ask, { logger, signal })).toBe('there')
  const [first = 0, , third = 0] = asked
  expect(third - first).toBeGreaterThan(900)
  const reason = { type: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' }
  expect(lines()).toMatchObject([
    { level: 'warn', msg: 'waiting for a store', reason },
    { level: 'info', msg: 'a store is available' },
  ])
  expect(lines()).toHaveLength(2)
})

test('a fault of the configuration does not pass, so it is thrown at once', async () => {
  const { logger, lines } = keepLog()
  const { signal } = new AbortController()
  const fault = new ConfigError('DATABASE_URL: is none')
  await expect(waitUntil('a store', () => Promise.reject(fault), { logger, signal })).rejects.toBe(fault)
  expect(lines()).toEqual([])
})

test('a stop ends the waiting, and nothing is asked again', async () => {
  const stop = new AbortController()
  let asked = 0
  const ask = async () => {
    asked += 1
    process.nextTick(() => stop.abort())
    throw away()
  }
  const waiting = waitUntil('a store', ask, { logger: keepLog().logger, signal: stop.signal })
  await expect(waiting).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
  expect(asked).toBe(1)
})
