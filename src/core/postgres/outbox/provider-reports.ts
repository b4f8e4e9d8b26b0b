import type { Report } from '../../mail/providers/report.ts'
import { deleteBatch } from '../connection/delete-batch.ts'
import type { Pool } from '../pool.ts'
import { raisingUndeliverable } from './event-parts.ts'

/** A mail of ours of which something is known now that was not before. `afterSeconds` counts from the provider's acceptance. */
export type Told = { isDelivered: boolean; isBounced: boolean; bounce: string | null; afterSeconds: number }

/** What the provider $1 has reported by now, these reports included, of each of its ids $2 that are among them. */
const KNOWN = `reported as (
       select provider_id,
         min(at) filter (where kind = 'delivered') as delivered_at,
         min(at) filter (where kind <> 'delivered') as bounced_at,
         (array_agg(kind order by at) filter (where kind <> 'delivered'))[1] as bounce
       from unnest($2::text[], $3::text[], $4::timestamptz[]) as given (provider_id, kind, at)
       group by provider_id
       order by provider_id
     ), known as (
       insert into provider_reports as known (provider, provider_id, delivered_at, bounced_at, bounce)
       select $1, provider_id, delivered_at, bounced_at, bounce
       from reported
       on conflict (provider, provider_id) do update
       set delivered_at = least(known.delivered_at, excluded.delivered_at),
         bounced_at = least(known.bounced_at, excluded.bounced_at),
         bounce = coalesce(known.bounce, excluded.bounce)
       returning mail_id, delivered_at, bounced_at, bounce
     )`

/**
 * Records what a provider reports, and closes the code of a mail that does not arrive. Repeating it, in any order, changes nothing;
 * what comes before our own settling of the mail waits for it (see `settleMail`). A mail that does not arrive is an event. Gives the mails of ours that it told something of.
 */
export const recordReports = async (
  pool: Pool,
  { provider, reports, raisesEvents }: { provider: string; reports: Report[]; raisesEvents: boolean },
): Promise<Told[]> => {
  const told = await pool.query<Told>(
    `with ${KNOWN}, told as (
       update mails
       set delivered_at = coalesce(mails.delivered_at, case when known.delivered_at is not null then mails.settled_at + greatest(known.delivered_at - sent.settled_at, '0') end),
         bounced_at = coalesce(mails.bounced_at, case when known.bounced_at is not null then mails.settled_at + greatest(known.bounced_at - sent.settled_at, '0') end),
         bounce = coalesce(mails.bounce, known.bounce)
       from known
       join mails as sent on sent.id = known.mail_id
       where (mails.id = sent.id or mails.stands_for = sent.id)
         and (mails.delivered_at is null and known.delivered_at is not null
           or mails.bounced_at is null and known.bounced_at is not null)
       returning mails.id, mails.user_id, mails.code_id, mails.bounce, mails.bounce as reason,
         mails.stands_for is null as "isSent",
         sent.delivered_at is null and mails.delivered_at is not null as "isDelivered",
         sent.bounced_at is null and mails.bounced_at is not null as "isBounced",
         mails.stands_for is null or mails.bounced_at <= now() as is_over,
         coalesce(extract(epoch from mails.delivered_at - mails.settled_at), 0)::float8 as "afterSeconds"
     ), closed as (
       update codes
       set opened_at = null, expires_at = null, sent_at = null
       from told
       where codes.id = told.code_id and told."isBounced" and told.is_over
     ), ${raisingUndeliverable('told', 'ended."isBounced" and ended."isSent" and $5')}
     select "isDelivered", "isBounced", bounce, "afterSeconds"
     from told
     where "isSent"`,
    [
      provider,
      reports.map(({ providerId }) => providerId),
      reports.map(({ kind }) => kind),
      reports.map(({ at }) => at),
      raisesEvents,
    ],
  )
  return told.rows
}

/** Removes reports that no mail of ours was settled for within an hour: they are about mails of somebody else. */
export const deleteForeignReports = (pool: Pool, limit: number): Promise<number> =>
  deleteBatch(
    pool,
    {
      table: 'provider_reports',
      where: "mail_id is null and created_at <= now() - interval '1 hour'",
      by: 'created_at',
    },
    limit,
  )
