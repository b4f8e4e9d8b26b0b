import type { Logger } from '../logger.ts'

/** `close` sends what is left, for a second and a half at most. */
export type Tracing = { close(): Promise<void> }

/**
 * Starts sending traces to the collector at this base URL (OTLP over HTTP). Without one nothing is traced, not even the code
 * for it is loaded, and it gives null.
 */
export const startTracing = async (
  endpoint: string | undefined,
  serviceName: string,
  logger: Logger,
): Promise<Tracing | null> => {
  if (endpoint === undefined) return null
  const { exportTraces } = await import('./export-traces.ts')
  return exportTraces({ endpoint, serviceName, logger })
}
