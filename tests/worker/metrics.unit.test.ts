import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createWorkerMetrics, noteDelivery } from '../../src/worker/operators/metrics.ts'

test.each([
  { reason: 'provider-503', retries: 1 },
  { reason: 'lease-lost', retries: 1 },
  { reason: 'taken-by-another-run', retries: 0 },
  { reason: 'held-back-by-provider', retries: 0 },
])('a run that ends with $reason counts as $retries tries with another to come', async ({ reason, retries }) => {
  const metrics = createWorkerMetrics(new Registry())
  noteDelivery(metrics, { end: 'later', reason, inMs: 1000 })
  expect((await metrics.retries.get()).values).toMatchObject([{ value: retries }])
})
