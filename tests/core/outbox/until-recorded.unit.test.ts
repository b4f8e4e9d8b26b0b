import { expect, test } from 'vitest'
import { untilRecorded } from '../../../src/core/outbox/until-recorded.ts'

const lost = () => Object.assign(new Error('gone'), { code: 'ECONNRESET' })

/** Something to record that fails in these ways before it succeeds, and how often it was tried. */
const recording = (...failures: Error[]) => {
  let tries = 0
  const record = async () => {
    const failure = failures[tries]
    tries += 1
    if (failure) throw failure
    return 'recorded'
  }
  return { record, tries: () => tries }
}

const NEVER = new AbortController().signal

test('what PostgreSQL takes at once is recorded once', async () => {
  const { record, tries } = recording()
  expect(await untilRecorded(NEVER, record)).toBe('recorded')
  expect(tries()).toBe(1)
})

test('a connection that breaks again and again is survived, with a pause before each try', async () => {
  const begun = performance.now()
  const { record, tries } = recording(lost(), lost())
  expect(await untilRecorded(NEVER, record)).toBe('recorded')
  expect(tries()).toBe(3)
  // Timers may be early by a millisecond.
  expect(performance.now() - begun).toBeGreaterThan(390)
})

test('what is no outage is thrown at once', async () => {
  const fault = Object.assign(new Error('violates a constraint'), { code: '23514' })
  const { record, tries } = recording(fault)
  await expect(untilRecorded(NEVER, record)).rejects.toBe(fault)
  expect(tries()).toBe(1)
})

test('once the work is stopped nothing is tried again', async () => {
  const { record, tries } = recording(lost())
  await expect(untilRecorded(AbortSignal.abort(), record)).rejects.toThrow('gone')
  expect(tries()).toBe(1)
})

test('a stop while it pauses ends the pause, and leaves one last try', async () => {
  const stop = new AbortController()
  const { record, tries } = recording(lost(), lost())
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
  }, 1)
  const stopped = untilRecorded(stop.signal, () => {
    // When the pause has begun, and before any timer can run.
    process.nextTick(() => stop.abort())
    return record()
  })
  await expect(stopped).rejects.toThrow('gone')
  clearInterval(timer)
  expect([tries(), ticks]).toEqual([2, 0])
})
