import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Service, startService } from '../abuse/service.ts'
import { fuzz } from './fuzz.ts'

let service: Service
beforeAll(async () => {
  service = await startService({ hasWorker: true, environment: { LOG_LEVEL: 'warn' } })
})
afterAll(() => service.close())

test('eight hundred requests, valid and malformed ones, are all answered by the contract', async () => {
  const report = await fuzz({ url: service.url, inbox: service.provider.inbox }, 1, (sent) => sent >= 800)
  expect(report.faults).toEqual([])
  // Half of them and more must mean something to the service, or nothing was tried.
  const seen = Object.keys(report.statuses).map(Number)
  expect(seen).toEqual(expect.arrayContaining([200, 202, 400, 401, 404, 405, 415, 422]))
  expect(report.unanswered).toBeLessThan(400)
})
