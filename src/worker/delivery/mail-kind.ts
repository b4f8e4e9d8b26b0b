import { MAILS_CHANNEL } from '../../core/postgres/codes/new-codes.ts'
import type { OutboxKind } from '../queue/outbox-kind.ts'

/** The mails: queue `mail`, jobs `send-code`. */
export const MAILS = {
  table: 'mails',
  channel: MAILS_CHANNEL,
  queue: 'mail',
  job: 'send-code',
  dataOf: (id) => ({ mailId: id }),
} satisfies OutboxKind
