import type { Hono } from 'hono'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { parseNetwork } from '../../../src/core/process/http/client-network.ts'
import { operatorRetryOfMails } from '../../../src/worker/delivery/delivery.ts'
import { createDashboard } from '../../../src/worker/operators/dashboard.ts'
import { from } from '../../api/api-client.ts'
import { basic } from '../../support/api.ts'
import type { BackendName } from '../../support/backends.ts'
import { silent } from '../../support/database.ts'
import type { TestWorker } from '../../support/test-worker.ts'
import { type Stage, setStage } from '../stage.ts'

export const OPERATOR = { username: 'operator', password: 'hunter2 of the tests' }
export const AUTHORIZED = { authorization: basic(OPERATOR.username, OPERATOR.password) }
export const OWN_ORIGIN = { origin: 'http://localhost' }
// With all that one of its requests asks for.
const ANY_BODY = { name: 'send-code', data: { mailId: 'x' }, jobData: { mailId: 'x' }, concurrency: 1, delay: 1 }
const PROXIES = [parseNetwork('10.0.0.0/8')].filter((net) => net !== null)

/** A worker with its dashboard for all tests of a `describe`; each begins with a queue and a provider that work. */
export const shareDashboard = (backend: BackendName) => {
  let stage: Stage
  let worker: TestWorker
  let app: Hono

  beforeAll(async () => {
    stage = await setStage(backend)
    worker = await stage.startWorker()
    app = createDashboard([worker.queue], {
      operator: OPERATOR,
      trustedProxies: PROXIES,
      logger: silent,
      operatorRetries: { mail: operatorRetryOfMails(stage.pool) },
    })
  })
  beforeEach(async () => {
    stage.provider.answerWith([])
    await worker.queue.resume()
  })
  afterAll(() => stage.close())

  return {
    stage: () => stage,
    queue: () => worker.queue,

    request: (path: string, init: RequestInit, client = '192.0.2.1') => app.request(path, init, from(client)),

    get: (path: string, headers: Record<string, string> = AUTHORIZED, client = '192.0.2.1') =>
      app.request(path, { headers }, from(client)),

    send: (method: string, path: string, headers: Record<string, string> = {}) =>
      app.request(path, {
        method,
        headers: { ...AUTHORIZED, ...OWN_ORIGIN, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(ANY_BODY),
      }),

    failOne: async (email: string) => {
      stage.provider.answerWith([422])
      const user = await stage.register(email)
      await expect.poll(() => worker.queue.getJobState(user.mailId)).toBe('failed')
      return user
    },
  }
}
