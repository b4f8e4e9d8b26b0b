import type { Mail } from '../inbox/mail.ts'

/** Resend's events about what became of a mail. */
export const eventTypes = ['email.delivered', 'email.bounced', 'email.complained', 'email.suppressed'] as const
export type EventType = (typeof eventTypes)[number]

const details = {
  'email.delivered': {},
  'email.bounced': {
    bounce: {
      type: 'Permanent',
      subType: 'General',
      message: 'The mailbox does not exist (the mail sandbox says so).',
    },
  },
  'email.complained': {},
  'email.suppressed': {
    suppressed: { type: 'OnAccountSuppressionList', message: 'The address bounced before (the mail sandbox says so).' },
  },
} satisfies Record<EventType, object>

/** The body of the event, as Resend writes it. */
export function eventAbout(mail: Mail, type: EventType, at: string) {
  const { id, from, to, subject, createdAt } = mail
  return { type, created_at: at, data: { email_id: id, created_at: createdAt, from, to, subject, ...details[type] } }
}
