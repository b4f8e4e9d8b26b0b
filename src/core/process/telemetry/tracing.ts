import {
  type Attributes,
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

// OpenTelemetry's API alone. Until traces are exported no call here reaches even that: looking for a context, a propagator and a
// provider that are not there takes longer than the rest of a small request.
const tracer = trace.getTracer('latchkey')
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
let isTraced = false

/** From here on spans are made; OpenTelemetry's globals are set. */
export const beginTracing = (): void => {
  isTraced = true
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
}

/** `parent` is the trace to go on with; the span around the call unless it is given. No attribute names a person. */
export type SpanDetails = { kind: keyof typeof KINDS; attributes?: Attributes; parent?: Context }

/** Does `run` in a span. What it throws fails the span by its code or name and is passed on: a message may tell too much. */
export const inSpan = <Result>(
  name: string,
  details: SpanDetails,
  run: (span: Span) => Promise<Result>,
): Promise<Result> => (isTraced ? runInSpan(name, details, run) : run(NO_SPAN))

const runInSpan = <Result>(
  name: string,
  { kind, attributes = {}, parent = context.active() }: SpanDetails,
  run: (span: Span) => Promise<Result>,
): Promise<Result> =>
  tracer.startActiveSpan(name, { kind: KINDS[kind], attributes }, parent, async (span) => {
    try {
      return await run(span)
    } catch (error) {
      failSpan(span, errorType(error))
      throw error
    } finally {
      span.end()
    }
  })

/** Marks a span as failed. `type` is a fixed word. */
export const failSpan = (span: Span, type: string): void => {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

/** Adds to the span that is active, and fails it by a fixed word when there is one. */
export const noteOnSpan = (attributes: Attributes, failure: string | null): void => {
  const span = trace.getActiveSpan()
  span?.setAttributes(attributes)
  if (span && failure !== null) failSpan(span, failure)
}

export type Step = { traceContext: string | null; fail(error: unknown): void; end(): void }

/** Begins a span that is around nothing. What follows in its trace goes on with its `traceContext`. */
export const beginStep = (name: string, { kind, attributes = {}, parent = context.active() }: SpanDetails): Step => {
  const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, parent)
  return {
    traceContext: traceContextOf(trace.setSpan(parent, span)),
    fail: (error) => failSpan(span, errorType(error)),
    end: () => span.end(),
  }
}

/** The trace that a caller's header names, or none. Its tracestate and baggage are left outside: anybody can write them. */
export const callersTrace = (traceparent: string | undefined): Context =>
  isTraced ? propagation.extract(ROOT_CONTEXT, { traceparent }) : ROOT_CONTEXT

/** The active trace as a row or a job keeps it (W3C trace context in JSON, as bullmq-otel reads it); null when nothing is traced. */
export const activeTraceContext = (): string | null => (isTraced ? traceContextOf(context.active()) : null)

/** The trace that a row kept; null when it kept none that can be read. */
export const keptTrace = (traceContext: string | null): Context | null => {
  if (traceContext === null) return null
  try {
    const carrier: unknown = JSON.parse(traceContext)
    return propagation.extract(ROOT_CONTEXT, carrier)
  } catch {
    return null
  }
}

const traceContextOf = (traced: Context): string | null => {
  const carrier: Record<string, string> = {}
  propagation.inject(traced, carrier)
  return 'traceparent' in carrier ? JSON.stringify(carrier) : null
}

/** What a log line says of the active trace. */
export const traceFields = (): { traceId?: string } => {
  if (!isTraced) return {}
  const active = trace.getActiveSpan()?.spanContext()
  return active && isSpanContextValid(active) ? { traceId: active.traceId } : {}
}

/** PostgreSQL's SQLSTATE, Node's error code, or the class: never a message. */
const errorType = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
