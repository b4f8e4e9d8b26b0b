import type { OutboxKind } from '../queue/outbox-kind.ts'

/** The events: queue `webhook`, jobs `send-webhook`. */
export const EVENTS = {
  table: 'events',
  queue: 'webhook',
  job: 'send-webhook',
  dataOf: (id) => ({ eventId: id }),
} satisfies OutboxKind
