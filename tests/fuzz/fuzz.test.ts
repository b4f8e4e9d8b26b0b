import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Service, startService } from '../abuse/service.ts'
import { fuzz, type Report } from './fuzz.ts'

let service: Service
beforeAll(async () => {
  service = await startService({ hasWorker: true, environment: { LOG_LEVEL: 'warn' } })
})
afterAll(() => service.close())

// Without these nothing was tried; on a busy machine more are needed, as many answers come too late to be seen.
const MUST_BE_SEEN = [200, 202, 400, 401, 404, 405, 415, 422]
const LEAST = 800
const MOST = 10 * LEAST

test('eight hundred requests and more, valid and malformed ones, are all answered by the contract', async () => {
  const seenIn = ({ statuses }: Report) => Object.keys(statuses).map(Number)
  const isEnough = (report: Report) => MUST_BE_SEEN.every((status) => seenIn(report).includes(status))
  const isOver = (report: Report) => report.sent >= MOST || (report.sent >= LEAST && isEnough(report))
  const report = await fuzz({ url: service.url, inbox: service.provider.inbox }, 1, isOver)
  expect(report.faults).toEqual([])
  expect(seenIn(report)).toEqual(expect.arrayContaining(MUST_BE_SEEN))
})
