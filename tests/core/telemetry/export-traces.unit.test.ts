import { once } from 'node:events'
import { createServer } from 'node:http'
import { trace } from '@opentelemetry/api'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { readVersion } from '../../../src/core/process/version.ts'
import { keepLog } from '../../support/kept-log.ts'
import { startTraceCollector } from '../../support/trace-collector.ts'
import { forgetTracing, freshTracing } from './fresh-tracing.ts'

afterEach(forgetTracing)

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'

/** A process that has just begun to trace. */
const start = async (endpoint: string) => {
  const { logger, lines } = keepLog()
  const tracing = await freshTracing()
  const { startTracing } = await import('../../../src/core/process/telemetry/start-tracing.ts')
  const started = await startTracing(endpoint, 'a-service', logger)
  if (!started) throw new Error('nothing is traced')
  return { ...tracing, lines, close: started.close }
}

test('without an endpoint nothing is traced', async () => {
  const { activeTraceContext, inSpan } = await freshTracing()
  const { startTracing } = await import('../../../src/core/process/telemetry/start-tracing.ts')
  expect(await startTracing(undefined, 'a-service', keepLog().logger)).toBeNull()
  expect(await inSpan('a name', { kind: 'server' }, async () => activeTraceContext())).toBeNull()
})

test.each(['', '/', '/base', '/base//'])(
  'spans leave for the endpoint’s path %j and /v1/traces at the end',
  async (path) => {
    const collector = await startTraceCollector()
    onTestFinished(collector.close)
    const { inSpan, callersTrace, close, lines } = await start(`${collector.url}${path}`)
    const parent = callersTrace(`00-${TRACE_ID}-b7ad6b7169203331-01`)
    await inSpan('a request', { kind: 'server', parent }, () => inSpan('within', { kind: 'internal' }, async () => {}))
    await close()
    expect(collector.paths).toEqual(new Set([`${path.replace(/\/+$/, '')}/v1/traces`]))
    expect(collector.spans()).toMatchObject([
      { name: 'within', kind: 'internal', service: 'a-service', traceId: TRACE_ID },
      { name: 'a request', kind: 'server', service: 'a-service', traceId: TRACE_ID },
    ])
    expect(collector.bytes()).toContain('"scope":{"name":"latchkey"')
    expect(collector.bytes()).toContain(`"service.version","value":{"stringValue":"${readVersion()}"}`)
    expect(lines()).toEqual([])
  },
)

test('chores are not sent, nor events of spans', async () => {
  const collector = await startTraceCollector()
  onTestFinished(collector.close)
  const { inSpan, close } = await start(collector.url)
  await inSpan('a sweep', { kind: 'internal' }, () => inSpan('its statement', { kind: 'client' }, async () => {}))
  await inSpan('a request', { kind: 'server' }, async (span) => void span.addEvent('of ada@example.com'))
  await close()
  expect(collector.spans().map(({ name }) => name)).toEqual(['a request'])
  expect(collector.bytes()).not.toContain('ada@example.com')
})

test('the log says that spans are lost once in ten minutes, and once that this is over', async () => {
  const statuses = [400, 400, 200, 200, 400]
  let asked = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(statuses.shift() ?? 400).end('{}')
      asked += 1
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { inSpan, lines, close } = await start(`http://127.0.0.1:${port}`)
  const send = async () => {
    const before = asked
    await inSpan('a request', { kind: 'server' }, async () => {})
    await expect.poll(() => asked).toBe(before + 1)
  }
  const told = () => lines().map(({ level, msg }) => `${level}: ${String(msg).split(':')[0]}`)
  const [LOST, OVER] = ['warn: traces are lost', 'info: the collector takes traces again']
  await send()
  await expect.poll(told).toEqual([LOST])
  await send()
  await send()
  await expect.poll(told).toEqual([LOST, OVER])
  await send()
  await send()
  await expect.poll(told).toEqual([LOST, OVER, LOST])
  const later = performance.now() + 600_000
  const clock = vi.spyOn(performance, 'now').mockReturnValue(later)
  try {
    await send()
    await expect.poll(told).toEqual([LOST, OVER, LOST, LOST])
    clock.mockReturnValue(later + 1000)
    await send()
    await close()
  } finally {
    clock.mockRestore()
  }
  expect(told()).toEqual([LOST, OVER, LOST, LOST])
  expect(lines()[0]).toMatchObject({ err: { type: 'OTLPExporterError' } })
  server.closeAllConnections()
})

test('a collector that does not answer holds the end up for a second and a half', async () => {
  const collector = await startTraceCollector('deaf')
  onTestFinished(collector.close)
  const { inSpan, close } = await start(collector.url)
  await inSpan('a request', { kind: 'server' }, async () => {})
  const from = performance.now()
  await close()
  expect(performance.now() - from).toBeGreaterThan(1400)
  expect(trace.getActiveSpan()).toBeUndefined()
})
