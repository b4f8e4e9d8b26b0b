import type { Pool } from '../pool.ts'
import { ID_ONLY, raisingUndeliverable } from './event-parts.ts'

/**
 * A table whose rows have to leave this service: a row is its own enqueueing, a relay offers it to a queue, a worker claims it by
 * a lease and settles it. Each has these columns, as `mails` has them: `id`, `created_at`, `trace_context`, `next_offer_at`,
 * `offered_at`, `offers`, `attempts`, `lease_token`, `lease_until`, `retry_at`, `failing_since`, `last_error`, `settled_at`, `outcome`;
 * and indexes like `mails_to_offer`, `mails_failing` and `mails_failed`, so that no statement reads more than it returns.
 * A kind's own statements, which may read and write more tables in one, are made with the parts in `lease.ts`.
 * The name goes into statements as it is: never from outside.
 */
export type OutboxTable = 'mails' | 'events'

/**
 * SQL for whether a row that is known otherwise, as by its id, has not ended. Not by `settled_at`, which the indexes of all that waits are
 * made with: a session that planned the statement while hardly a row waited would go through all of them for each one.
 */
export const UNSETTLED = 'outcome is null'

/** How an unsettled row ends. */
export type Outcome = 'accepted' | 'refused' | 'given-up' | 'dropped'

/** `offers` counts this offer too; `delayMs` is how long the receiver still wants it held back; the lower `priority` goes first. */
export type OfferedRow = { id: string; offers: number; delayMs: number; priority: number; traceContext: string | null }

/**
 * A part of a statement that others refer to, so that its commit does not wait for the disk: what is lost with the server then is
 * done again, and the next commit that waits takes it along.
 */
export const UNFLUSHED = "unflushed as (select set_config('synchronous_commit', 'off', true))"

const MAX_PRIORITY = 2 ** 21 - 1
const PRIORITY_SECONDS = 4

const prioritySql = (createdAt: string, from: string): string =>
  `least(${MAX_PRIORITY}, greatest(1, ${MAX_PRIORITY} - floor(extract(epoch from ${createdAt} - ${from}) / ${PRIORITY_SECONDS})))::integer`

/** The priority of a row that is made so long after another was, or would have been, made with this one. */
export const priorityAfter = (priority: number, seconds: number): number =>
  Math.max(1, priority - Math.floor(seconds / PRIORITY_SECONDS))

/** Rows whose last offer is due again, the longest waiting first. */
const againOf = (table: OutboxTable): string =>
  `again as (
       select id
       from ${table}
       where settled_at is null and next_offer_at > '-infinity' and next_offer_at <= now()
         and (lease_until is null or lease_until <= now())
       order by next_offer_at
       limit $3
       for update skip locked
     )`

/**
 * Marks unsettled rows as offered: up to `fresh` that never were, nor claimed, the newest first, as who has just registered waits at the
 * screen; and up to `again` whose last offer is some seconds ago (5, 10, 20, then every 40), the longest waiting first, as the
 * queue may have lost them. Two relays never get the same one at the same time. A process that dies now costs those seconds.
 */
export const takeDueRows = async (
  pool: Pool,
  table: OutboxTable,
  limits: { fresh: number; again: number },
): Promise<OfferedRow[]> => {
  const isSweep = limits.again > 0
  const taken = await pool.query<OfferedRow>(
    `with ${UNFLUSHED}, fresh as (
       select id
       from ${table}
       where settled_at is null and next_offer_at = '-infinity'
       order by created_at desc
       limit $1
       for update skip locked
     )${isSweep ? `, ${againOf(table)}` : ''}, due as (
       select id from fresh
       ${isSweep ? 'union all select id from again' : ''}
     )
     update ${table}
     set offered_at = now(), offers = offers + 1,
       next_offer_at = greatest(retry_at, now()) + make_interval(secs => least(40, 5 * 2 ^ least(offers, 10)))
     from due, unflushed
     where ${table}.id = due.id
     returning ${table}.id, offers,
       trace_context as "traceContext",
       greatest(0, ceil(extract(epoch from retry_at - now()) * 1000))::float8 as "delayMs",
       ${prioritySql('created_at', "(select coalesce(min(priority_from), now() - interval '1 hour') from outboxes where kind = $2)")} as priority`,
    [limits.fresh, table, ...(isSweep ? [limits.again] : [])],
  )
  return taken.rows
}

/** Undoes the offer of rows that the queue could not take, so that they are offered as soon as it can. */
export const takeOffersBack = async (pool: Pool, table: OutboxTable, ids: string[]): Promise<void> => {
  await pool.query(
    `update ${table}
     set offers = offers - 1,
       offered_at = case when offers = 1 then null else offered_at end,
       next_offer_at = case when offers = 1 then '-infinity' else now() end
     where id = any($1::uuid[]) and ${UNSETTLED} and offers > 0`,
    [ids],
  )
}

/**
 * Says that rows can be delivered now. Gives null when somebody else has said so within the last seconds, else the priority of a row that is made
 * now: who said it does what one worker of all has to do. After a minute without a word delivery counts as possible since now.
 */
export const heartbeat = async (pool: Pool, table: OutboxTable, everySeconds: number): Promise<number | null> => {
  const beaten = await pool.query<{ priority: number }>(
    `insert into outboxes as known (kind)
     values ($1)
     on conflict (kind) do update
     set beat_at = now(),
       possible_since = case when known.beat_at < now() - interval '1 minute' then now() else known.possible_since end,
       priority_from = case
         when known.priority_from < now() - interval '1 day'
           and (select count(*) from (select from ${table} where settled_at is null limit 500) as waiting) < 500
         then now() - interval '1 hour'
         else known.priority_from
       end
     where known.beat_at <= now() - make_interval(secs => $2)
     returning ${prioritySql('now()', 'known.priority_from')} as priority`,
    [table, everySeconds],
  )
  return beaten.rows[0]?.priority ?? null
}

/**
 * Gives up to `limit` rows up: their first try failed so long ago, and delivery has been possible since then. What was never
 * tried stays, and what somebody has in hand.
 */
export const giveUpOverdueRows = async (
  pool: Pool,
  table: OutboxTable,
  { afterSeconds, limit, raisesEvents }: { afterSeconds: number; limit: number; raisesEvents: boolean },
): Promise<number> => {
  const { changes, also } = WHEN_GIVEN_UP[table]
  const given = await pool.query<{ count: number }>(
    `with overdue as (
       select id
       from ${table}
       where settled_at is null
         and failing_since <= now() - make_interval(secs => $1)
         and (lease_until is null or lease_until <= now())
         and not exists (
           select 1 from outboxes where kind = $3 and possible_since > now() - make_interval(secs => $1)
         )
       order by failing_since
       limit $2
       for update skip locked
     ), given as (
       update ${table}
       set settled_at = now(), outcome = 'given-up', retry_at = null${changes}
       from overdue
       where ${table}.id = overdue.id
       returning ${table}.id, user_id, 'given-up' as reason
     )${also}
     select count(*)::integer as count
     from given
     where $4::boolean is not null`,
    [afterSeconds, limit, table, raisesEvents],
  )
  return given.rows[0]?.count ?? 0
}

/** What else happens to rows whose time is over. */
const WHEN_GIVEN_UP: Record<OutboxTable, { changes: string; also: string }> = {
  mails: { changes: '', also: `, ${raisingUndeliverable('given', '$4::boolean')}` },
  events: { changes: `, data = ${ID_ONLY}`, also: '' },
}
