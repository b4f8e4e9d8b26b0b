import { context, propagation, trace } from '@opentelemetry/api'
import { vi } from 'vitest'

/** The code for traces as a process has it that has just begun: whether it traces is kept in the module. */
export const freshTracing = async () => {
  vi.resetModules()
  return import('../../../src/core/process/telemetry/tracing.ts')
}

/** What tracing sets for the whole process. */
export const forgetTracing = (): void => {
  trace.disable()
  context.disable()
  propagation.disable()
}
