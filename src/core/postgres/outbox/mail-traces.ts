import type { Pool } from '../pool.ts'
import type { Outcome } from './outbox.ts'

// Of the table mails: all that is known of one, for whoever asks after it.

/** All that the rows tell of one mail. `expiresAt` is the end of its code's time; `now` is the database's clock. */
export type MailTrace = {
  mailId: string
  userId: string
  requestId: string
  traceContext: string | null
  ref: string
  email: string
  isFirst: boolean
  createdAt: Date
  offeredAt: Date | null
  offers: number
  attempts: number
  retryAt: Date | null
  leaseUntil: Date | null
  lastError: string | null
  provider: string | null
  providerId: string | null
  deliveredAt: Date | null
  bouncedAt: Date | null
  bounce: string | null
  settledAt: Date | null
  outcome: Outcome | null
  expiresAt: Date | null
  activatedAt: Date | null
  now: Date
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

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
       mails.trace_context as "traceContext",
       users.ref, users.email,
       mails.created_at = users.created_at as "isFirst",
       mails.created_at as "createdAt",
       mails.offered_at as "offeredAt",
       mails.offers, mails.attempts,
       mails.retry_at as "retryAt",
       mails.lease_until as "leaseUntil",
       mails.last_error as "lastError",
       mails.provider,
       mails.provider_id as "providerId",
       mails.delivered_at as "deliveredAt",
       mails.bounced_at as "bouncedAt",
       mails.bounce,
       mails.settled_at as "settledAt",
       mails.outcome,
       codes.expires_at as "expiresAt",
       users.activated_at as "activatedAt",
       clock_timestamp() as now
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
