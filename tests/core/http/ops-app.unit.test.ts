import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { type Checks, createHealthApp, createOpsApp } from '../../../src/core/process/http/ops-app.ts'

test('a process is alive whatever it needs', async () => {
  const app = createHealthApp(async () => ({ database: 'down: cannot be reached' }))
  const answer = await app.request('/livez')
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }])
})

test.each<{ checks: Checks; status: number; word: string }>([
  { checks: {}, status: 200, word: 'ready' },
  { checks: { database: 'ok', queue: 'degraded: slow' }, status: 200, word: 'ready' },
  { checks: { database: 'ok', queue: 'down: gone' }, status: 503, word: 'not-ready' },
])('$checks is a $status', async ({ checks, status, word }) => {
  const answer = await createHealthApp(async () => checks).request('/readyz')
  expect([answer.status, await answer.json()]).toEqual([status, { status: word, checks }])
})

test('operators are shown health and metrics that nobody keeps or takes for something else', async () => {
  const app = createOpsApp(async () => ({}), new Registry())
  for (const path of ['/livez', '/readyz', '/metrics', '/nothing']) {
    const { headers } = await app.request(path)
    expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
  }
  expect((await app.request('/nothing')).status).toBe(404)
  const metrics = await app.request('/metrics')
  expect([metrics.status, metrics.headers.get('content-type')]).toEqual([200, Registry.PROMETHEUS_CONTENT_TYPE])
})
