import { expect, test } from 'vitest'
import { createOutageLog } from '../../src/core/process/outage-log.ts'
import { silent } from '../support/database.ts'

const setUp = () => {
  const lines: object[] = []
  const logger = Object.assign(Object.create(silent), {
    warn: (fields: object, message: string) => lines.push({ level: 'warn', message, ...fields }),
    info: (fields: object, message: string) => lines.push({ level: 'info', message, ...fields }),
  })
  let now = 0
  const outages = createOutageLog(logger, { begins: 'away', ends: 'back' }, () => now)
  return { lines, outages, pass: (ms: number) => (now += ms) }
}

test('an outage is two lines without a stack, and what works beside what fails does not end it', () => {
  const { lines, outages, pass } = setUp()
  outages.worked()
  for (let second = 0; second < 20; second += 1) {
    outages.failed(Object.assign(new Error('OOM command not allowed'), { code: 'OOM' }))
    outages.worked()
    pass(1000)
  }
  expect(lines).toEqual([
    { level: 'warn', message: 'away', reason: { type: 'Error', message: 'OOM command not allowed', code: 'OOM' } },
  ])
  pass(5000)
  outages.worked()
  outages.worked()
  expect(lines.slice(1)).toEqual([{ level: 'info', message: 'back', failures: 20, seconds: 19 }])
  outages.failed(new AggregateError([new Error('connect ECONNREFUSED')]))
  expect(lines[2]).toMatchObject({ message: 'away', reason: { message: 'connect ECONNREFUSED' } })
})
