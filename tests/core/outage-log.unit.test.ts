import { expect, test, vi } from 'vitest'
import { createOutageLog, describeBriefly } from '../../src/core/process/outage-log.ts'
import { keepLog } from '../support/kept-log.ts'

const setUp = () => {
  const { logger, lines } = keepLog()
  let now = 60_000
  const outages = createOutageLog(logger, { begins: 'away', ends: 'back' }, () => now)
  return {
    outages,
    lines: () =>
      lines().map(({ level, msg, reason, failures, seconds }) => ({ level, msg, reason, failures, seconds })),
    pass: (ms: number) => {
      now += ms
    },
  }
}

test('an outage is two lines without a stack, and what works beside what fails does not end it', () => {
  const { lines, outages, pass } = setUp()
  outages.worked()
  for (let second = 0; second < 20; second += 1) {
    outages.failed(Object.assign(new Error('OOM command not allowed'), { code: 'OOM' }))
    outages.worked()
    pass(1000)
  }
  expect(lines()).toEqual([
    { level: 'warn', msg: 'away', reason: { type: 'Error', message: 'OOM command not allowed', code: 'OOM' } },
  ])
  pass(3999)
  outages.worked()
  expect(lines()).toHaveLength(1)
  pass(1)
  outages.worked()
  outages.worked()
  expect(lines().slice(1)).toEqual([{ level: 'info', msg: 'back', failures: 20, seconds: 19 }])
  outages.failed(new AggregateError([new Error('connect ECONNREFUSED')]))
  expect(lines()[2]).toMatchObject({ level: 'warn', msg: 'away', reason: { message: 'connect ECONNREFUSED' } })
})

test('by the clock of the process, what works within five seconds of a failure does not end an outage', () => {
  const { logger, messages } = keepLog()
  const outages = createOutageLog(logger, { begins: 'away', ends: 'back' })
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1000)
  try {
    outages.failed(new Error('gone'))
    clock.mockReturnValue(5999)
    outages.worked()
    expect(messages()).toEqual(['away'])
    clock.mockReturnValue(6000)
    outages.worked()
    expect(messages()).toEqual(['away', 'back'])
  } finally {
    clock.mockRestore()
  }
})

test.each([
  ['what is no error', 'hunter2', { message: 'not an Error' }],
  [
    'one that stands for several, without words of its own',
    Object.assign(new AggregateError([new TypeError('first'), new Error('second')]), { code: 'ECONNREFUSED' }),
    { type: 'TypeError', message: 'first', code: 'ECONNREFUSED' },
  ],
  [
    'one that stands for several, with words of its own',
    new AggregateError([new Error('first')], 'all failed'),
    { type: 'AggregateError', message: 'all failed', code: undefined },
  ],
  ['one that stands for none', new AggregateError([]), { type: 'AggregateError', message: '', code: undefined }],
  ['one without words', new Error(''), { type: 'Error', message: '', code: undefined }],
  [
    'a code that is no text',
    Object.assign(new Error('odd'), { code: 7 }),
    { type: 'Error', message: 'odd', code: undefined },
  ],
])('of %s a line shows type, message and code', (_what, error, shown) => {
  expect(describeBriefly(error)).toEqual(shown)
})
