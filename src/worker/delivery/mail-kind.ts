import type { OutboxKind } from '../queue/outbox-kind.ts'

/** The mails: queue `mail`, jobs `send-code`. */
export const MAILS = {
  table: 'mails',
  queue: 'mail',
  job: 'send-code',
  dataOf: (id) => ({ mailId: id }),
} satisfies OutboxKind
