import { deleteBatch } from '../connection/delete-batch.ts'
import type { Pool } from '../pool.ts'
import type { Queryable, Tx } from '../transaction.ts'
import { ID_ONLY, idOnly, PERSON } from './event-parts.ts'
import { claiming, giveUpInMs, OURS, POSTPONING, WAIT_MS } from './lease.ts'
import { type Outcome, UNFLUSHED } from './outbox-rows.ts'

// Of the table events: what is told to other systems, and how one try to tell it goes.

export type EventType = 'user.activated' | 'user.deleted' | 'user.password-changed' | 'mail.undeliverable'

/**
 * Raises an event about a registration as it is now, in the transaction that makes it true: an activation that did not come about
 * raises none.
 */
export const insertEvent = async (
  tx: Tx,
  event: { type: 'user.activated' | 'user.password-changed'; userId: string; traceContext: string | null },
): Promise<void> => {
  await tx.query(
    `insert into events (type, user_id, data, trace_context)
     select $1::text, id, json_build_object('user', ${PERSON}), $3
     from users
     where id = $2 and ($1 <> 'user.activated' or activated_at = now())`,
    [event.type, event.userId, event.traceContext],
  )
  tx.announce('events')
}

/**
 * What a deletion does to events, in its transaction and after the rows are gone, so that it sees what others raised before: those that
 * still wait carry only the registration's id.
 */
export const forgetInEvents = async (tx: Tx, userIds: string[]): Promise<void> => {
  await tx.query(
    `update events
     set data = ${ID_ONLY}
     where user_id = any($1::uuid[]) and settled_at is null`,
    [userIds],
  )
}

export const insertDeletedEvent = async (tx: Tx, userId: string, traceContext: string | null): Promise<void> => {
  await tx.query(
    `insert into events (type, user_id, data, trace_context)
     values ('user.deleted', $1, ${idOnly('$1::uuid')}, $2)`,
    [userId, traceContext],
  )
  tx.announce('events')
}

export type EventClaim = { eventId: string; token: string; leaseSeconds: number; giveUpAfterSeconds: number }

export type ClaimedEvent = {
  /** Whether it is ours for the lease; else `outcome` and `waitMs` say why not. */
  isClaimed: boolean
  outcome: Outcome | null
  waitMs: number
  type: EventType
  createdAt: Date
  data: unknown
  attempts: number
  /** Negative when the time to give up has come. */
  giveUpInMs: number
}

/** Takes the event for one try, so that nobody else gets it while the lease runs. Null when there is no such event. */
export const claimEvent = async (pool: Pool, claim: EventClaim): Promise<ClaimedEvent | null> => {
  const found = await pool.pipelined<ClaimedEvent>(
    `with ${UNFLUSHED}, claimed as (
       ${claiming('events')}
       returning attempts
     )
     select claimed.attempts is not null as "isClaimed",
       outcome, ${WAIT_MS},
       coalesce(claimed.attempts, events.attempts) as attempts,
       ${giveUpInMs('events', 'events', '$4')},
       type,
       created_at as "createdAt",
       data
     from events
     left join claimed on true
     cross join unflushed
     where events.id = $1`,
    [claim.eventId, claim.token, claim.leaseSeconds, claim.giveUpAfterSeconds],
  )
  return found.rows[0] ?? null
}

export type EventEnd = { eventId: string; token: string; outcome: 'accepted' | 'given-up'; error: string | null }

/**
 * Ends the event and empties its payload; of one that is given up the registration's id stays, for an operator's retry. Gives the seconds
 * since it was raised, also to who asks again; null when the lease has passed to somebody else.
 */
export const settleEvent = async (pool: Pool, end: EventEnd): Promise<number | null> => {
  const settled = await pool.pipelined<{ seconds: number }>(
    `with settled as (
       update events
       set settled_at = now(), outcome = $3::text, last_error = coalesce($4, last_error), retry_at = null,
         data = case when $3 = 'accepted' then '{}'::json else ${ID_ONLY} end
       where ${OURS}
       returning settled_at, created_at
     ), ended as (
       select settled_at, created_at from settled
       union all
       select settled_at, created_at from events where id = $1 and lease_token = $2 and outcome = $3
     )
     select extract(epoch from settled_at - created_at)::float8 as seconds
     from ended
     limit 1`,
    [end.eventId, end.token, end.outcome, end.error],
  )
  return settled.rows[0]?.seconds ?? null
}

/** Gives the event back for a try in `inMs`. Gives false when the lease has passed to somebody else. */
export const postponeEvent = async (
  pool: Pool,
  later: { eventId: string; token: string; error: string; inMs: number; retryAfterMs: number | null },
): Promise<boolean> => {
  const postponed = await pool.pipelined(
    `update events
     set ${POSTPONING}
     where ${OURS}`,
    [later.eventId, later.token, later.error, later.inMs, later.retryAfterMs],
  )
  return postponed.rowCount === 1
}

// The operator's own retry of the job comes first; a job that the queue does not hold is made anew by the relay.
const RETRY_SECONDS = 5

const startOver = async (db: Queryable, which: string, value: string | number): Promise<number> => {
  const restarted = await db.query(
    `update events
     set settled_at = null, outcome = null, lease_token = null, lease_until = null, attempts = 0, failing_since = null,
       next_offer_at = now() + make_interval(secs => $2)
     where id in (
       select id
       from events
       where ${which}
       for update skip locked
     )`,
    [value, RETRY_SECONDS],
  )
  return restarted.rowCount ?? 0
}

/** Starts one given-up event over, as an operator wants. Written so that no index of all that failed is gone through for one id. */
export const retryFailedEvent = (pool: Pool, id: string): Promise<number> =>
  startOver(pool, "id = $1 and coalesce(outcome, '') = 'given-up'", id)

/** Starts up to `limit` given-up events over. Returns how many. */
export const retryFailedEvents = (pool: Pool, limit: number): Promise<number> =>
  startOver(pool, "outcome = 'given-up' order by settled_at limit $1", limit)

/** Of events that wait for longer than `seconds`, tried or not, only the registration's id is kept. Returns of how many. */
export const emptyOldEvents = async (pool: Pool, seconds: number, limit: number): Promise<number> => {
  const emptied = await pool.query(
    `update events
     set data = ${ID_ONLY}
     where id in (
       select id
       from events
       where settled_at is null
         and created_at <= now() - make_interval(secs => $1)
         and json_extract_path(data, 'user', 'email') is not null
       limit $2
       for update skip locked
     )`,
    [seconds, limit],
  )
  return emptied.rowCount ?? 0
}

/** Removes events that ended a week ago. Returns how many. */
export const deleteOldEvents = (pool: Pool, limit: number): Promise<number> =>
  deleteBatch(pool, { table: 'events', where: "settled_at <= now() - interval '7 days'", by: 'settled_at' }, limit)
