import { expect, onTestFinished, test, vi } from 'vitest'
import { createGuessSurge } from '../../src/core/registration/guess-surge.ts'
import { silent } from '../support/database.ts'

const watch = () => {
  let now = 0
  const lines: string[] = []
  const logger = silent.child({})
  logger.warn = (line: string) => void lines.push(`warn: ${line}`)
  logger.info = (line: string) => void lines.push(`info: ${line}`)
  const surge = createGuessSurge(logger, () => now)
  const pass = (ms: number) => {
    now += ms
  }
  return { surge, lines, pass }
}

test('what was measured by counting up to a thousand wrong codes is not kept', () => {
  const { surge } = watch()
  expect(surge.known()).toBeNull()
  surge.note({ wrongCodes: 999, isSurge: true })
  expect(surge.known()).toBeNull()
})

test.each([true, false])('from a thousand on it is kept for a second: %s', (isSurge) => {
  const { surge, pass } = watch()
  pass(5000)
  surge.note({ wrongCodes: 1000, isSurge })
  expect(surge.known()).toBe(isSurge)
  pass(999)
  expect(surge.known()).toBe(isSurge)
  pass(1)
  expect(surge.known()).toBeNull()
})

test('by its own clock it is kept for a second, too', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const surge = createGuessSurge(silent)
  surge.note({ wrongCodes: 1000, isSurge: true })
  vi.advanceTimersByTime(999)
  expect(surge.known()).toBe(true)
  vi.advanceTimersByTime(1)
  expect(surge.known()).toBeNull()
})

test('what was not measured changes nothing', () => {
  const { surge, lines } = watch()
  surge.note({ wrongCodes: null, isSurge: true })
  expect([surge.known(), lines]).toEqual([null, []])
})

test('the log tells of a beginning and of an end, once each', () => {
  const { surge, lines } = watch()
  for (const isSurge of [false, true, true, false, false]) surge.note({ wrongCodes: 60, isSurge })
  expect(lines).toEqual([
    'warn: surge of wrong codes: all new codes have 8 digits',
    'info: surge of wrong codes over: new codes have 4 digits again',
  ])
})
