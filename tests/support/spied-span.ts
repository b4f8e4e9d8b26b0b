import { INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api'
import { vi } from 'vitest'
import type { inSpan, SpanDetails } from '../../src/core/process/telemetry/tracing.ts'

/** A span without a trace: `within` stands for `inSpan`, `read` gives what it was begun with and told. */
export const spyOnSpan = () => {
  const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
  const attributes = vi.spyOn(span, 'setAttribute')
  const statuses = vi.spyOn(span, 'setStatus')
  const begun: { name: string; details: SpanDetails }[] = []
  const within: typeof inSpan = (name, details, run) => {
    begun.push({ name, details })
    return run(span)
  }
  const read = () => ({
    begun,
    told: Object.fromEntries(attributes.mock.calls),
    failed: statuses.mock.calls.flat(),
  })
  return { within, read }
}
