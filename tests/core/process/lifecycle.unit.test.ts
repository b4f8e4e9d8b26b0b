import { expect, onTestFinished, test, vi } from 'vitest'
import { begin, run } from '../../../src/core/process/lifecycle.ts'

/** A process that does not end: how often it would have, and with which code. */
const keepAlive = () => {
  const codes: unknown[] = []
  const { exit } = process
  onTestFinished(() => void Object.assign(process, { exit }))
  Object.assign(process, { exit: (code: unknown) => void codes.push(code) })
  return codes
}

/** A program that has begun; `send` stands for what the process is told. */
const begun = () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const codes = keepAlive()
  const handlers = new Map<string, (told: unknown) => void>()
  const { on } = process
  const keep = (event: string, handler: (told: unknown) => void) => {
    handlers.set(event, handler)
    return process
  }
  Object.assign(process, { on: keep })
  const { logger, onStop, stopping } = begin('silent', 'a-service')
  Object.assign(process, { on })
  const logged: unknown[] = []
  for (const level of ['info', 'warn', 'fatal'] as const)
    logger[level] = (...line: unknown[]) => void logged.push([level, ...line])
  const send = async (event: string, told: unknown = event) => {
    handlers.get(event)?.(told)
    await new Promise(setImmediate)
  }
  return { codes, logged, onStop, stopping, send, logger }
}

const STOPPING = 'stopping: work in progress is finished; a second signal ends it now'

test.each(['SIGTERM', 'SIGINT'])('%s closes what was opened, the last first, and ends with 0', async (signal) => {
  const { codes, logged, onStop, stopping, send } = begun()
  const closed: string[] = []
  for (const name of ['first', 'second']) onStop(name, () => closed.push(name))
  expect(stopping.aborted).toBe(false)
  await send(signal)
  expect(stopping.reason).toEqual(new Error('the process is stopping'))
  expect(closed).toEqual(['second', 'first'])
  expect(codes).toEqual([0])
  expect(logged).toEqual([
    ['info', { signal }, STOPPING],
    ['info', 'stopped'],
  ])
})

test('one part waits until the one before it is closed, and what does not close keeps none of the others open', async () => {
  const { codes, logged, onStop, send } = begun()
  const closed: string[] = []
  const slow = Promise.withResolvers<void>()
  const fault = new Error('no')
  onStop('last', () => closed.push('last'))
  onStop('slow', () => slow.promise)
  onStop('broken', () => {
    throw fault
  })
  await send('SIGTERM')
  expect([closed, codes]).toEqual([[], []])
  slow.resolve()
  await new Promise(setImmediate)
  expect([closed, codes]).toEqual([['last'], [0]])
  expect(logged).toContainEqual(['warn', { err: fault, part: 'broken' }, 'a part did not close cleanly'])
})

test('what does not end in 8.5 seconds is left, and that is told', async () => {
  const { codes, logged, onStop, send } = begun()
  onStop('endless', () => new Promise(() => {}))
  await send('SIGTERM')
  await vi.advanceTimersByTimeAsync(8499)
  expect(codes).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(codes).toEqual([0])
  expect(logged.at(-1)).toEqual([
    'warn',
    'stopped before everything was finished; what is left is taken up by another process or after the start',
  ])
})

test('a second signal ends it at once with 1', async () => {
  const { codes, onStop, send } = begun()
  onStop('endless', () => new Promise(() => {}))
  await send('SIGTERM')
  await send('SIGINT')
  expect(codes).toEqual([1])
})

test.each(['uncaughtException', 'unhandledRejection'])('an %s is told and ends it with 1', async (event) => {
  const { codes, logged, send } = begun()
  const err = new Error('nobody caught this')
  await send(event, err)
  expect([logged, codes]).toEqual([[['fatal', { err }, 'uncaught error: the process ends']], [1]])
})

test('the logger has the level and the name of the service that it was told', () => {
  const { logger } = begun()
  expect(logger.level).toBe('silent')
  expect(logger.bindings()).toMatchObject({ service: 'a-service' })
})

test('what is garbage when a program has started is collected', async () => {
  const garbage = Array.from({ length: 10 }, () => new WeakRef({ of: 'the start' }))
  await new Promise((resolve) => setImmediate(resolve))
  const codes = keepAlive()
  await run(async () => {})
  expect(garbage.filter((it) => it.deref() !== undefined)).toEqual([])
  expect(codes).toEqual([])
})

const named = (name: string, message: string) => Object.assign(new Error(message), { name })

test.each([
  { kind: 'a wrong configuration', error: named('ConfigError', 'PORT is taken'), told: /^PORT is taken\n$/, code: [1] },
  { kind: 'any other error', error: new Error('a fault'), told: /^Error: a fault\n {4}at .*\n$/s, code: [1] },
  { kind: 'what is no error', error: 'a word', told: /^a word\n$/, code: [1] },
  { kind: 'being told to stop', error: named('AbortError', 'stop'), told: /^$/, code: [] },
])('$kind while a program starts ends it, and is told', async ({ error, told, code }) => {
  const codes = keepAlive()
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => write.mockRestore())
  await run(() => Promise.reject(error))
  expect(write.mock.calls.flat().join('')).toMatch(told)
  expect(codes).toEqual(code)
})
