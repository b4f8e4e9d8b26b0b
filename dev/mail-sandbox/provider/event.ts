import type { Report } from '../../../src/core/mail/providers/report.ts'

/** Resend's names of what became of a mail, which the page and `POST /emails/:id/events` use for every provider. */
export const eventTypes = ['email.delivered', 'email.bounced', 'email.complained', 'email.suppressed'] as const
export type EventType = (typeof eventTypes)[number]

export const kinds: Record<EventType, Report['kind']> = {
  'email.delivered': 'delivered',
  'email.bounced': 'hard-bounce',
  'email.complained': 'complaint',
  'email.suppressed': 'suppressed',
}
