import { setTimeout as sleep } from 'node:timers/promises'
import { context, propagation, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Logger } from '../logger.ts'
import { readVersion } from '../version.ts'
import { beginTracing } from './tracing.ts'

const EXPORT_TIMEOUT_MS = 5000
const BATCH_DELAY_MS = 1000
// A collector that is away costs so many spans in memory, and the rest of them.
const MAX_QUEUED_SPANS = 2048
const CLOSE_LIMIT_MS = 1500
const WARN_EVERY_MS = 600_000

/**
 * Sends spans to a collector in batches, beside the work: when it is slow or away spans are dropped and nothing else
 * changes. Sets OpenTelemetry's globals, so a process calls it once.
 */
export const exportTraces = (settings: { endpoint: string; serviceName: string; logger: Logger }) => {
  const exporter = new OTLPTraceExporter({ url: tracesUrl(settings.endpoint), timeoutMillis: EXPORT_TIMEOUT_MS })
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ 'service.name': settings.serviceName, 'service.version': readVersion() }),
    ),
    sampler: new ParentBasedSampler({ root: withoutChores }),
    // Libraries write messages and stacks of errors into events; what they say is not ours to send.
    spanLimits: { eventCountLimit: 0 },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: watched(exporter, settings.logger),
        maxQueueSize: MAX_QUEUED_SPANS,
        scheduledDelayMillis: BATCH_DELAY_MS,
        exportTimeoutMillis: 2 * EXPORT_TIMEOUT_MS,
      }),
    ],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(provider)
  beginTracing()
  return {
    close: async () => {
      const sent = provider.shutdown().catch(() => {})
      await Promise.race([sent, sleep(CLOSE_LIMIT_MS, undefined, { ref: false })])
    },
  }
}

/** The OTLP specification: the signal's path is appended to whatever path the endpoint has. */
const tracesUrl = (endpoint: string): string => {
  const url = new URL(endpoint)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
  return url.href
}

/**
 * A trace is about a request or a mail. What is internal and below neither is a chore: BullMQ looks for stalled jobs and renews
 * its locks all the time, and the relay sweeps every second.
 */
const withoutChores: Sampler = {
  shouldSample: (_context, _traceId, _name, kind) => ({
    decision: kind === SpanKind.INTERNAL ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED,
  }),
  toString: () => 'withoutChores',
}

/** The same exporter; the log tells, now and then, that spans are lost, and when that is over. */
const watched = (exporter: OTLPTraceExporter, logger: Logger): SpanExporter => {
  let warnedAt: number | null = null
  const note = (error: Error | undefined): void => {
    if (warnedAt !== null && performance.now() - warnedAt < WARN_EVERY_MS) return
    warnedAt = performance.now()
    logger.warn(
      { err: error },
      'traces are lost: the collector at OTEL_EXPORTER_OTLP_ENDPOINT does not take them; nothing else suffers, and none is sent when the variable is not set',
    )
  }
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.FAILED) note(result.error)
        else if (warnedAt !== null) {
          warnedAt = null
          logger.info('the collector takes traces again')
        }
        done(result)
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
}
