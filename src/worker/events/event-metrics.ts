import { Counter, Histogram } from 'prom-client'
import type { EventDelivery, ReceiverTrouble } from '../../core/events/deliver-event.ts'
import type { Circuit } from '../../core/mail/routing/circuit.ts'
import { measureBacklog } from '../../core/postgres/outbox/backlog.ts'
import type { Pool } from '../../core/postgres/pool.ts'
import { addReadings } from '../../core/process/telemetry/readings.ts'
import type { Registry } from '../../core/process/telemetry/registry.ts'

const DELIVERY_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600, 21_600, 86_400, 259_200]

export type EventMetrics = { note(delivery: EventDelivery): void; noteGivenUp(count: number): void }

/** What is counted of events, and what is read when somebody looks: how many wait, since when, and whether the receiver is well. */
export const createEventMetrics = (
  registry: Registry,
  { pool, circuit }: { pool: Pool; circuit: Circuit<ReceiverTrouble> },
): EventMetrics => {
  const registers = [registry]
  const settled = new Counter({
    name: 'latchkey_events_settled_total',
    help: 'Events that have ended, by how.',
    labelNames: ['outcome'],
    registers,
  })
  const retries = new Counter({
    name: 'latchkey_event_retries_total',
    help: 'Tries to tell an event that ended with another one to come.',
    registers,
  })
  const seconds = new Histogram({
    name: 'latchkey_event_delivery_seconds',
    help: "Time from what has happened to the receiver's 2xx.",
    buckets: DELIVERY_SECONDS,
    registers,
  })
  // Each series is there, at 0, before its first event: a rate needs two values.
  for (const outcome of ['accepted', 'given-up']) settled.inc({ outcome }, 0)
  addEventReadings(registry, pool, circuit)
  return {
    note: (delivery) => {
      if (delivery.end === 'later') return retries.inc(delivery.reason === 'taken-by-another-run' ? 0 : 1)
      if (delivery.afterSeconds === undefined) return
      settled.inc({ outcome: delivery.end === 'done' ? 'accepted' : 'given-up' })
      if (delivery.end === 'done') seconds.observe(delivery.afterSeconds)
    },
    noteGivenUp: (count) => settled.inc({ outcome: 'given-up' }, count),
  }
}

const addEventReadings = (registry: Registry, pool: Pool, circuit: Circuit<ReceiverTrouble>): void => {
  addReadings(
    registry,
    'events',
    {
      latchkey_events_unsettled: { help: 'Events that have to be told and have not ended, over all processes.' },
      latchkey_event_oldest_unsettled_age_seconds: { help: 'Age of the oldest of them; 0 when there is none.' },
      latchkey_event_receiver_well: { help: 'Whether events go through to the receiver as usual: 1 or 0.' },
    },
    async () => {
      const { unsettled, oldestSeconds } = await measureBacklog(pool, 'events')
      return {
        latchkey_events_unsettled: unsettled,
        latchkey_event_oldest_unsettled_age_seconds: oldestSeconds,
        latchkey_event_receiver_well: circuit.isWell() ? 1 : 0,
      }
    },
  )
}
