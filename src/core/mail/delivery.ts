import type { EventTools } from '../events/raise-event.ts'
import type { Settled } from '../postgres/outbox/mail-outcomes.ts'
import type { Pool } from '../postgres/pool.ts'
import type { Logger } from '../process/logger.ts'
import type { CodeTools } from '../registration/new-code.ts'
import type { MailProvider, MailProviders } from './routing/routes.ts'
import type { MailTexts } from './writing/mail-texts.ts'

/** What a delivery works with. */
export type DeliverTools = CodeTools &
  EventTools & {
    pool: Pool
    providers: MailProviders
    delivery: DeliveryPolicy
    texts: MailTexts
    logger: Logger
  }

/** `timeoutMs` bounds one call to the provider; a mail is given up when its tries have failed for `giveUpAfterSeconds`. */
export type DeliveryPolicy = { timeoutMs: number; giveUpAfterSeconds: number }

/** `signal` ends the try; `open` are the providers that may be tried now, all unless told; `report` is told what came of each try. */
export type DeliverRequest = {
  mailId: string
  signal: AbortSignal
  open?: readonly MailProvider[]
  report?(tried: Tried): void
}

/** Whom a mail is for, as logs may show it: `to` is the masked address, `attempt` counts the tries. Null when the row is gone. */
export type MailTag = { requestId: string | null; ref: string | null; to: string | null; attempt: number }

/** One try, as it is told to operators; `provider` is where the mail went, null when it went nowhere. */
export type Tried = MailTag & { mailId: string; provider: string | null; delivery: Delivery; durationMs: number }

/**
 * What becomes of the job: done, failed for good, or tried again after `inMs`. `reason` is a fixed word; `settled` is there
 * when it was this try that ended the mail; `isAboutUs` when an operator has to act at the
 * provider; `isForTheOther` when nobody has the mail and the other provider may be tried at once.
 */
export type Delivery =
  | { end: 'done'; outcome: 'accepted' | 'dropped'; settled?: Settled }
  | { end: 'failed'; reason: string; settled?: Settled }
  | { end: 'later'; reason: string; inMs: number; isAboutUs?: boolean; isForTheOther?: boolean }

/** The lease has run out and passed to another run, which settles the mail. */
export const LEASE_LOST: Delivery = { end: 'later', reason: 'lease-lost', inMs: 1000 }
