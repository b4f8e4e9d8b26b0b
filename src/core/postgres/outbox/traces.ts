import type { Pool } from '../pool.ts'
import type { OutboxTable, Outcome } from './outbox-rows.ts'

// Of the tables mails and events: all that is known of a row, for whoever asks after it.

/** How far a row of an outbox has come; `now` is the database's clock. */
export type RowTrace = {
  traceContext: string | null
  createdAt: Date
  offeredAt: Date | null
  offers: number
  attempts: number
  retryAt: Date | null
  leaseUntil: Date | null
  lastError: string | null
  settledAt: Date | null
  outcome: Outcome | null
  now: Date
}

/** All that the rows tell of one mail. `expiresAt` is the end of its code's time. */
export type MailTrace = RowTrace & {
  mailId: string
  userId: string
  requestId: string
  ref: string
  email: string
  isFirst: boolean
  provider: string | null
  providerId: string | null
  deliveredAt: Date | null
  bouncedAt: Date | null
  bounce: string | null
  expiresAt: Date | null
  activatedAt: Date | null
}

/** All that its row tells of one event, but its payload. */
export type EventTrace = RowTrace & { eventId: string; userId: string; type: string }

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const tracing = (table: OutboxTable): string =>
  `${table}.trace_context as "traceContext",
       ${table}.created_at as "createdAt",
       ${table}.offered_at as "offeredAt",
       ${table}.offers, ${table}.attempts,
       ${table}.retry_at as "retryAt",
       ${table}.lease_until as "leaseUntil",
       ${table}.last_error as "lastError",
       ${table}.settled_at as "settledAt",
       ${table}.outcome,
       clock_timestamp() as now`

/** The newest `limit` mails whose own id, registration, reference or request this is; the oldest of them first. */
export const findMailTraces = async (pool: Pool, wanted: string, limit: number): Promise<MailTrace[]> => {
  const found = await pool.query<MailTrace>(
    `with named as (
       select id
       from mails
       where id = $2 or user_id = $2 or request_id = $1
       union
       select mails.id
       from mails
       join users on users.id = mails.user_id
       where users.ref = upper($1)
     )
     select mails.id as "mailId",
       users.id as "userId",
       mails.request_id as "requestId",
       users.ref, users.email,
       mails.created_at = users.created_at as "isFirst",
       mails.provider,
       mails.provider_id as "providerId",
       mails.delivered_at as "deliveredAt",
       mails.bounced_at as "bouncedAt",
       mails.bounce,
       codes.expires_at as "expiresAt",
       users.activated_at as "activatedAt",
       ${tracing('mails')}
     from named
     join mails on mails.id = named.id
     join users on users.id = mails.user_id
     join codes on codes.id = mails.code_id
     order by mails.created_at desc
     limit $3`,
    [wanted, UUID.test(wanted) ? wanted : null, limit],
  )
  return found.rows.reverse()
}

/** The newest `limit` events whose own id, registration or its reference this is; the oldest of them first. */
export const findEventTraces = async (pool: Pool, wanted: string, limit: number): Promise<EventTrace[]> => {
  const found = await pool.query<EventTrace>(
    `with named as (
       select id
       from events
       where id = $2 or user_id = $2
       union
       select events.id
       from events
       join users on users.id = events.user_id
       where users.ref = upper($1)
     )
     select events.id as "eventId",
       events.user_id as "userId",
       events.type,
       ${tracing('events')}
     from named
     join events on events.id = named.id
     order by events.created_at desc
     limit $3`,
    [wanted, UUID.test(wanted) ? wanted : null, limit],
  )
  return found.rows.reverse()
}
