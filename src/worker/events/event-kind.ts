import { EVENTS_CHANNEL } from '../../core/postgres/outbox/events.ts'
import type { OutboxKind } from '../queue/outbox-kind.ts'

/** The events: queue `webhook`, jobs `send-webhook`. */
export const EVENTS = {
  table: 'events',
  channel: EVENTS_CHANNEL,
  queue: 'webhook',
  job: 'send-webhook',
  dataOf: (id) => ({ eventId: id }),
} satisfies OutboxKind
