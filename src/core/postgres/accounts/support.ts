import type { Pool } from '../pool.ts'
import type { Queryable, Tx } from '../transaction.ts'
import { PENDING } from '../users.ts'

// Of the table users and what hangs on it: what an operator may ask for by address, id or reference.

export type Registration = {
  id: string
  email: string
  ref: string
  status: 'pending' | 'active'
  locale: string
  metadata: Record<string, unknown>
  createdAt: Date
  activatedAt: Date | null
}

const COLUMNS = `id, email, ref, locale, metadata,
       case when activated_at is null then 'pending' else 'active' end as status,
       created_at as "createdAt",
       activated_at as "activatedAt"`

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The registrations that an address (`email`, canonical), an id or a reference names; the oldest first. */
export const findRegistrations = async (
  db: Queryable,
  wanted: string,
  email: string | null,
): Promise<Registration[]> => {
  const found = await db.query<Registration>(
    `select ${COLUMNS}
     from users
     where email = $1 or id = $2 or ($1 is null and ref = upper($3))
     order by created_at, id`,
    [email, UUID.test(wanted) ? wanted : null, wanted],
  )
  return found.rows
}

/** All that is stored of a registration beside its row, without hash and code; times are those of the rows. */
export const findBelongings = async (db: Queryable, userId: string): Promise<Record<string, unknown>> => {
  const found = await db.query<{ belongings: Record<string, unknown> }>(
    `select json_build_object(
       'noticedAt', noticed_at,
       'hasIdempotencyKey', idempotency_key is not null,
       'codes', (select coalesce(json_agg(json_build_object(
         'id', id, 'digits', digits, 'attempts', attempts, 'createdAt', created_at, 'sentAt', sent_at,
         'expiresAt', expires_at, 'supersededAt', superseded_at) order by created_at), '[]')
         from codes where user_id = users.id),
       'mails', (select coalesce(json_agg(json_build_object(
         'id', id, 'requestId', request_id, 'createdAt', created_at, 'settledAt', settled_at, 'outcome', outcome,
         'attempts', attempts, 'lastError', last_error, 'provider', provider, 'providerId', provider_id,
         'deliveredAt', delivered_at, 'bouncedAt', bounced_at, 'bounce', bounce) order by created_at), '[]')
         from mails where user_id = users.id),
       'signInNetworks', (select coalesce(json_agg(json_build_object('at', at) order by at), '[]')
         from sign_in_networks where user_id = users.id),
       'events', (select coalesce(json_agg(json_build_object(
         'id', id, 'type', type, 'createdAt', created_at, 'settledAt', settled_at, 'outcome', outcome) order by created_at), '[]')
         from events where user_id = users.id),
       'audit', (select coalesce(json_agg(json_build_object(
         'at', at, 'what', what, 'why', why) order by at), '[]')
         from audit where user_ids @> array[users.id])
     ) as belongings
     from users
     where id = $1`,
    [userId],
  )
  return found.rows[0]?.belongings ?? {}
}

/** Makes a registration active without its code; the row must be locked. Refused by the unique index when the address is active. */
export const activateByOperator = async (tx: Tx, id: string): Promise<void> => {
  await tx.query(`update users set activated_at = now() where id = $1 and ${PENDING}`, [id])
}

/** Removes a registration with its codes, mails and networks. */
export const deleteRegistration = async (tx: Tx, id: string): Promise<boolean> => {
  const deleted = await tx.query('delete from users where id = $1', [id])
  return deleted.rowCount === 1
}

export type AccountRow = {
  id: string
  email: string
  activatedAt: Date
  passwordHash: string
  locale: string
  metadata: Record<string, unknown>
}

/** The next `limit` accounts after this id, by id. */
export const listAccounts = async (pool: Pool, afterId: string, limit: number): Promise<AccountRow[]> => {
  const found = await pool.query<AccountRow>(
    `select id, email, locale, metadata,
       activated_at as "activatedAt",
       password_hash as "passwordHash"
     from users
     where activated_at is not null and id > $1
     order by id
     limit $2`,
    [afterId, limit],
  )
  return found.rows
}

export type ImportedAccount = {
  id: string
  email: string
  passwordHash: string
  ref: string
  locale: string
  metadata: string
  activatedAt: string
}

/** Inserts accounts whose addresses are not active yet, and returns how many those were. */
export const insertAccounts = async (pool: Pool, accounts: ImportedAccount[]): Promise<number> => {
  const inserted = await pool.query(
    `insert into users (id, email, password_hash, ref, locale, metadata, created_at, activated_at)
     select id, email, password_hash, ref, locale, metadata, activated_at, activated_at
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::json[], $7::timestamptz[])
       as given (id, email, password_hash, ref, locale, metadata, activated_at)
     on conflict (email) where activated_at is not null do nothing`,
    [
      accounts.map(({ id }) => id),
      accounts.map(({ email }) => email),
      accounts.map(({ passwordHash }) => passwordHash),
      accounts.map(({ ref }) => ref),
      accounts.map(({ locale }) => locale),
      accounts.map(({ metadata }) => metadata),
      accounts.map(({ activatedAt }) => activatedAt),
    ],
  )
  return inserted.rowCount ?? 0
}
