import type { Pool } from '../pool.ts'
import type { OutboxTable } from './outbox-rows.ts'

// What waits in an outbox, for whoever watches it.

/** Milliseconds for which the oldest unsettled row has not been offered to the queue; 0 when there is none. */
export const measureRelayLag = async (pool: Pool, table: OutboxTable): Promise<number> => {
  const lag = await pool.query<{ ms: number }>(
    `select extract(epoch from now() - created_at)::float8 * 1000 as ms
     from ${table}
     where settled_at is null and next_offer_at = '-infinity'
     order by created_at
     limit 1`,
  )
  return Math.max(0, lag.rows[0]?.ms ?? 0)
}

export type Backlog = { unsettled: number; oldestSeconds: number }

const COUNTED = 10_000

/**
 * How many rows have not ended, and the age of the oldest; 0 when there is none. Up to 10,000 are counted; of more the number is
 * the planner's, some minutes old at worst, and the age that of the oldest among as many and all that were never offered.
 */
export const measureBacklog = async (pool: Pool, table: OutboxTable): Promise<Backlog> => {
  const measured = await pool.query<Backlog>(
    `with waiting as (
       select created_at
       from ${table}
       where settled_at is null
       order by next_offer_at
       limit $1
     ), counted as (
       select count(*) as unsettled, min(created_at) as oldest
       from waiting
     )
     select case
         when unsettled < $1 then unsettled
         else greatest(unsettled, (select reltuples from pg_class where oid = to_regclass('${table}_to_offer')))
       end::float8 as unsettled,
       coalesce(extract(epoch from now() - least(oldest, (
         select created_at
         from ${table}
         where settled_at is null and next_offer_at = '-infinity'
         order by created_at
         limit 1
       ))), 0)::float8 as "oldestSeconds"
     from counted`,
    [COUNTED],
  )
  return measured.rows[0] ?? { unsettled: 0, oldestSeconds: 0 }
}
