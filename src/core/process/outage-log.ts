import type { Logger } from './logger.ts'

/** Hears of what fails and what works of one store, and says once that it is in trouble, and once that this is over. */
export type OutageLog = { failed(error: unknown): void; worked(): void }

// What fails now and then beside what works is one outage.
const QUIET_MS = 5000

/** Two lines for an outage, however long it is and however many statements fail in it. No stack: the fault is not ours. */
export const createOutageLog = (
  logger: Logger,
  messages: { begins: string; ends: string },
  now: () => number = () => performance.now(),
): OutageLog => {
  let failures = 0
  let beganAt = 0
  let failedAt = 0
  return {
    failed: (error) => {
      failedAt = now()
      failures += 1
      if (failures > 1) return
      beganAt = failedAt
      logger.warn({ reason: describeBriefly(error) }, messages.begins)
    },
    worked: () => {
      if (failures === 0 || now() - failedAt < QUIET_MS) return
      logger.info({ failures, seconds: Math.round((failedAt - beganAt) / 1000) }, messages.ends)
      failures = 0
    },
  }
}

/** What a line shows of an error that is not ours: no stack. */
export const describeBriefly = (error: unknown) => {
  if (!(error instanceof Error)) return { message: 'not an Error' }
  const first = error instanceof AggregateError ? error.errors[0] : undefined
  const { name: type, message } = error.message === '' && first instanceof Error ? first : error
  return { type, message, code: 'code' in error && typeof error.code === 'string' ? error.code : undefined }
}
