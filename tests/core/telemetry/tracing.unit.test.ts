import {
  context,
  INVALID_SPAN_CONTEXT,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forgetTracing, freshTracing } from './fresh-tracing.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const PARENT_ID = 'b7ad6b7169203331'
const TRACEPARENT = `00-${TRACE_ID}-${PARENT_ID}-01`

let tracing: Awaited<ReturnType<typeof freshTracing>>
let exporter: InMemorySpanExporter
beforeEach(async () => {
  tracing = await freshTracing()
  exporter = new InMemorySpanExporter()
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
})
afterEach(forgetTracing)

const spans = () =>
  exporter.getFinishedSpans().map(({ name, kind, attributes, status, events, parentSpanContext }) => ({
    ...{ name, kind, attributes, status, events: events.length, parent: parentSpanContext?.spanId },
  }))

const only = () => {
  const [span, ...others] = spans()
  if (!span || others.length > 0) throw new Error(`${others.length + 1} spans where one is expected`)
  return span
}

test('until traces are exported no span is made and nothing is said of one', async () => {
  const within = await tracing.inSpan('a name', { kind: 'internal' }, async (span) => ({
    isRecording: span.isRecording(),
    kept: tracing.activeTraceContext(),
    fields: tracing.traceFields(),
  }))
  expect(within).toEqual({ isRecording: false, kept: null, fields: {} })
  expect(tracing.callersTrace(TRACEPARENT)).toBe(ROOT_CONTEXT)
  expect(spans()).toEqual([])
})

describe('once they are', () => {
  beforeEach(() => tracing.beginTracing())

  test.each([
    ['internal', SpanKind.INTERNAL],
    ['server', SpanKind.SERVER],
    ['client', SpanKind.CLIENT],
    ['producer', SpanKind.PRODUCER],
  ] as const)('a span has its name, the kind %s, its attributes and what is below it', async (kind, known) => {
    const details = { kind, attributes: { colour: 'green' } }
    const result = await tracing.inSpan('above', details, async (span) => {
      await tracing.inSpan('below', { kind: 'internal' }, async () => {})
      return span.spanContext().spanId
    })
    expect(spans()).toMatchObject([
      { name: 'below', parent: result, attributes: {} },
      { name: 'above', kind: known, attributes: { colour: 'green' }, status: { code: SpanStatusCode.UNSET } },
    ])
  })

  test('a span goes on with the trace that is given', async () => {
    await tracing.inSpan('a name', { kind: 'server', parent: tracing.callersTrace(TRACEPARENT) }, async () => {
      expect(tracing.traceFields()).toEqual({ traceId: TRACE_ID })
    })
    expect(only().parent).toBe(PARENT_ID)
    expect(tracing.callersTrace(undefined)).toBe(ROOT_CONTEXT)
  })

  test.each([
    ['of PostgreSQL', Object.assign(new Error('of ada@example.com'), { code: '23505' }), '23505'],
    ['of Node.js', Object.assign(new Error('of ada@example.com'), { code: 'ECONNRESET' }), 'ECONNRESET'],
    ['with a code that is no text', Object.assign(new TypeError('of ada@example.com'), { code: 7 }), 'TypeError'],
    ['without a code', new RangeError('of ada@example.com'), 'RangeError'],
    ['that is none', 'ada@example.com', 'unknown'],
  ])('an error %s fails its span by a word, and is passed on', async (_what, error, word) => {
    await expect(tracing.inSpan('a name', { kind: 'internal' }, () => Promise.reject(error))).rejects.toBe(error)
    expect(only()).toMatchObject({
      ...{ attributes: { 'error.type': word }, status: { code: SpanStatusCode.ERROR }, events: 0 },
    })
    expect(only().status.message).toBeUndefined()
  })

  test('what is noted is on the span that is active, and is a failure when it has a word', async () => {
    tracing.noteOnSpan({ lost: true }, 'refused')
    await tracing.inSpan('well', { kind: 'internal' }, async () => tracing.noteOnSpan({ tries: 1 }, null))
    await tracing.inSpan('ill', { kind: 'internal' }, async () => tracing.noteOnSpan({ tries: 2 }, 'refused'))
    expect(spans()).toMatchObject([
      { name: 'well', attributes: { tries: 1 }, status: { code: SpanStatusCode.UNSET } },
      { name: 'ill', attributes: { tries: 2, 'error.type': 'refused' }, status: { code: SpanStatusCode.ERROR } },
    ])
  })

  test('a step is around nothing, and what follows goes on with it', async () => {
    await tracing.inSpan('above', { kind: 'server' }, async (above) => {
      const step = tracing.beginStep('send mail', { kind: 'producer', attributes: { colour: 'green' } })
      expect(trace.getActiveSpan()).toBe(above)
      const parent = tracing.keptTrace(step.traceContext) ?? ROOT_CONTEXT
      await tracing.inSpan('following', { kind: 'client', parent }, async () => {})
      step.fail(new RangeError('of ada@example.com'))
      expect(spans().map(({ name }) => name)).toEqual(['following'])
      step.end()
    })
    const [following, step, above] = exporter.getFinishedSpans()
    expect(following?.parentSpanContext?.spanId).toBe(step?.spanContext().spanId)
    expect(step?.parentSpanContext?.spanId).toBe(above?.spanContext().spanId)
    expect(spans()[1]).toMatchObject({
      ...{ name: 'send mail', kind: SpanKind.PRODUCER, attributes: { colour: 'green', 'error.type': 'RangeError' } },
    })
  })

  test('a step goes on with the trace that is given, and may have no attributes', () => {
    tracing.beginStep('send mail', { kind: 'producer', parent: tracing.callersTrace(TRACEPARENT) }).end()
    expect(only()).toMatchObject({ parent: PARENT_ID, attributes: {} })
  })

  test('a row keeps the active trace as text, and gives it back', async () => {
    expect(tracing.activeTraceContext()).toBeNull()
    const kept = await tracing.inSpan(
      'a name',
      { kind: 'server', parent: tracing.callersTrace(TRACEPARENT) },
      async () => tracing.activeTraceContext(),
    )
    const { traceparent, ...others } = JSON.parse(kept ?? '')
    expect([traceparent, others]).toEqual([expect.stringMatching(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`), {}])
    const given = tracing.keptTrace(kept)
    expect(given && trace.getSpanContext(given)).toMatchObject({ traceId: TRACE_ID, isRemote: true })
  })

  test.each([null, '', 'no json'])('a row that kept %j gives none', (kept) => {
    expect(tracing.keptTrace(kept)).toBeNull()
  })

  test('a span that names no trace is none for a log line', () => {
    expect(tracing.traceFields()).toEqual({})
    const none = trace.setSpan(ROOT_CONTEXT, trace.wrapSpanContext(INVALID_SPAN_CONTEXT))
    context.with(none, () => expect(tracing.traceFields()).toEqual({}))
  })
})
