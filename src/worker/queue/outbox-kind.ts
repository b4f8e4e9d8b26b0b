import type { OutboxTable } from '../../core/postgres/outbox/outbox-rows.ts'

/**
 * What one kind of outbox is called where, and what its jobs carry. To add a kind: a table with the columns and indexes of
 * `OutboxTable`, `announce` when a row is there, a value of this type, and a processor that claims, sends and
 * settles the row of a job's id, by statements of its own that are made with the parts in `core/postgres/outbox/lease.ts`; then
 * `startOutbox` does the rest: relay, offers, healing, giving up, pause and stop.
 */
export type OutboxKind = {
  table: OutboxTable
  queue: string
  job: string
  /** What a job carries: the row of this id carries the rest. */
  dataOf(id: string): Record<string, string>
}

/** OpenTelemetry's names for what is done with a message. */
export const messagingOf = (queue: string, id: string, operation: 'send' | 'process') => ({
  'messaging.system': 'bullmq',
  'messaging.destination.name': queue,
  'messaging.message.id': id,
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
})
