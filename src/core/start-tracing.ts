import type { Logger } from './logger.ts'

/** `endpoint` is the collector's base URL (OTLP over HTTP); without one nothing is traced. */
export type TracingSettings = { endpoint: string | undefined; serviceName: string; logger: Logger }

/** `close` sends what is left, for a second and a half at most. */
export type Tracing = { close(): Promise<void> }

/** Starts sending traces when there is an endpoint; without one not even the code for it is loaded, and it gives null. */
export const startTracing = async ({ endpoint, ...settings }: TracingSettings): Promise<Tracing | null> => {
  if (endpoint === undefined) return null
  const { exportTraces } = await import('./export-traces.ts')
  return exportTraces({ ...settings, endpoint })
}
