import type { Telemetry } from 'bullmq'

/** BullMQ's part of a mail's trace. It is loaded only when there are traces. */
export const openQueueTelemetry = async (): Promise<Telemetry> => {
  const { BullMQOtel } = await import('bullmq-otel')
  return new BullMQOtel()
}
