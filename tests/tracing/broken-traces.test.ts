import { describe, expect, onTestFinished, test } from 'vitest'
import { addPending } from '../core/fixtures.ts'
import { post } from '../support/api.ts'
import { backends, startStore } from '../support/backends.ts'
import { useTestDatabase } from '../support/database.ts'
import { startMailProvider } from '../support/mail-provider.ts'
import { startProcess } from '../support/processes.ts'
import { startTraceCollector } from '../support/trace-collector.ts'
import { ADDRESS, CALLER, PASSWORD, TRACE_ID } from './request.ts'

test.each(backends)('a kept trace that cannot be read holds no mail up, jobs on %s', async (backend) => {
  const [database, redis, provider, collector] = await Promise.all([
    useTestDatabase(),
    startStore(backend),
    startMailProvider(),
    startTraceCollector(),
  ])
  onTestFinished(async () => void (await Promise.all([provider.close(), collector.close(), redis?.stop()])))
  const kept = [null, 'no JSON', '{}', 'null', '5', '{"traceparent":7}', '{"traceparent":"00-0-0-01"}']
  for (const traceContext of kept) {
    const { mailId } = await addPending(database)
    await database.pool.query('update mails set trace_context = $2 where id = $1', [mailId, traceContext])
  }
  const worker = await startProcess('worker', {
    DATABASE_URL: database.url,
    REDIS_URL: redis?.url,
    MAIL_URL: provider.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  })
  onTestFinished(worker.kill)
  await expect.poll(() => provider.inbox().length).toBe(kept.length)
  await worker.stop()
  expect(collector.spans().filter(({ name }) => name === 'process mail')).toHaveLength(kept.length)
})

describe('a request that the caller does not want traced, or with a broken trace', () => {
  test.each([
    { traceparent: `00-${TRACE_ID}-${CALLER}-00`, spans: 0 },
    { traceparent: 'no-trace', spans: 1 },
    { traceparent: `00-${'0'.repeat(32)}-${CALLER}-01`, spans: 1 },
  ])('$traceparent begins $spans traces', async ({ traceparent, spans }) => {
    const database = await useTestDatabase()
    const collector = await startTraceCollector()
    onTestFinished(collector.close)
    const api = await startProcess('api', { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    onTestFinished(api.kill)
    const answer = await fetch(`${api.url}/v1/users`, post({ email: ADDRESS, password: PASSWORD }, { traceparent }))
    expect(answer.status).toBe(202)
    await api.stop()
    const begun = collector.spans().filter(({ kind }) => kind === 'server')
    expect(begun).toHaveLength(spans)
    for (const { parentId, traceId } of begun) {
      expect(parentId).toBe('')
      expect(traceId).not.toBe(TRACE_ID)
    }
  })
})
