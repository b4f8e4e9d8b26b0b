import type { Logger } from '../logger.ts'
import type { Pool } from '../postgres/pool.ts'
import type { CodeTools } from '../registration/enqueue-code.ts'
import type { Mailer } from './mailer.ts'
import type { ProviderHealth } from './provider-health.ts'

/** What a delivery works with. */
export type DeliverTools = CodeTools & {
  pool: Pool
  mailer: Mailer
  delivery: DeliveryPolicy
  health: ProviderHealth
  logger: Logger
}

/** `timeoutMs` bounds one call to the provider; the mail is given up when it was tried for `giveUpAfterSeconds`. */
export type DeliveryPolicy = { timeoutMs: number; giveUpAfterSeconds: number }

/** `jobAttempt` is how often the job has failed before; `signal` ends the try. */
export type Run = { jobAttempt: number; signal: AbortSignal }

/** What becomes of the job: done, failed for good, or tried again after `inMs`. `reason` is a fixed word. */
export type Delivery =
  | { end: 'done'; outcome: 'accepted' | 'dropped' }
  | { end: 'failed'; reason: string }
  | { end: 'later'; reason: string; inMs: number }
