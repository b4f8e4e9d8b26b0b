import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { ReceiverTrouble, Told } from '../../src/core/events/deliver-event.ts'
import { createCircuit } from '../../src/core/mail/routing/circuit.ts'
import { watchReceiver } from '../../src/worker/events/watch-receiver.ts'

const SILENT: ReceiverTrouble = { reason: 'receiver-silent', isForEverybody: false, retryAfterMs: null }
const MANY = 10

/** Calls that are out all at once, to be answered one by one, and what the log says of it. */
const callMany = () => {
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) })
  const out: ((told: Told) => void)[] = []
  const receiver = { tell: () => new Promise<Told>((resolve) => void out.push(resolve)), close: async () => {} }
  const watched = watchReceiver(receiver, createCircuit<ReceiverTrouble>(), logger)
  const { signal } = new AbortController()
  const calls = Array.from({ length: MANY }, (_, index) => watched.tell({ id: String(index), body: '' }, signal))
  return { lines, out, calls }
}

test('a receiver that fails is one line, though many calls are out that began when it was well', async () => {
  const { lines, out, calls } = callMany()
  for (const answer of out) answer(SILENT)
  await Promise.all(calls)
  expect(lines).toEqual([expect.stringContaining('circuit breaker open')])
})

test('that it is well again is told also by a call that began before it failed', async () => {
  const { lines, out, calls } = callMany()
  for (const answer of out.slice(1)) answer(SILENT)
  await Promise.all(calls.slice(1))
  out[0]?.('accepted')
  await calls[0]
  expect(lines).toEqual([
    expect.stringContaining('circuit breaker open'),
    expect.stringContaining('circuit breaker closed'),
  ])
})
