import { deleteBatch } from '../connection/delete-batch.ts'
import type { Pool } from '../pool.ts'
import { type Counted, countedSql } from '../rate-limits.ts'
import type { Queryable } from '../transaction.ts'
import { type Credentials, type Found, foundOf } from '../users.ts'

// Of the table users: what is active. An address is looked up here only.

/** `isKnownNetwork`: its owner signed in from there within 30 days; `isNoted`: within this day, under the newest key. */
export type Account = Credentials & { isKnownNetwork: boolean; isNoted: boolean }

/** The account of an address as it is seen from this network, and in the same look the counters of these keys. */
export const findAccount = async (
  db: Queryable,
  email: string,
  networkKeys: Buffer[],
  counterKeys: string[],
): Promise<{ user: Account | null; counted: Counted[] }> => {
  const found = await db.read<Found<Account>>(
    `select users.id, users.email,
       users.password_hash as "passwordHash",
       exists (
         select
         from sign_in_networks
         where user_id = users.id and network_key = any($2) and at > now() - interval '30 days'
       ) as "isKnownNetwork",
       exists (
         select
         from sign_in_networks
         where user_id = users.id and network_key = ($2::bytea[])[1] and at > now() - interval '1 day'
       ) as "isNoted",
       ${countedSql('$3')} as counted
     from (select) as once
     left join users on users.email = $1 and users.activated_at is not null`,
    [email, networkKeys, counterKeys],
  )
  return foundOf(found.rows)
}

/** Gives false when the password is not `formerHash`'s any more. Whoever comes second loses. */
export const replacePasswordHash = async (
  db: Queryable,
  account: { id: string; formerHash: string; newHash: string },
): Promise<boolean> => {
  const replaced = await db.query(
    `update users
     set password_hash = $3
     where id = $1 and password_hash = $2 and activated_at is not null`,
    [account.id, account.formerHash, account.newHash],
  )
  return replaced.rowCount === 1
}

/** Removes an account with all that hangs on it, if the password is still the verified one. */
export const deleteAccountRow = async (db: Queryable, id: string, passwordHash: string): Promise<boolean> => {
  const deleted = await db.query(
    `delete from users
     where id = $1 and password_hash = $2 and activated_at is not null`,
    [id, passwordHash],
  )
  return deleted.rowCount === 1
}

const MOST_NETWORKS = 20

/** Notes that the owner signed in from this network; keeps the newest twenty. Writes at most once a day for each. */
export const noteSignIn = async (db: Queryable, userId: string, networkKey: Buffer): Promise<void> => {
  await db.query(
    `with noted as (
       insert into sign_in_networks (user_id, network_key)
       select id, $2
       from users
       where id = $1
       for key share
       on conflict (user_id, network_key) do update
       set at = now()
       where sign_in_networks.at <= now() - interval '1 day'
       returning network_key
     )
     delete from sign_in_networks
     where user_id = $1 and exists (select from noted) and network_key in (
       select network_key
       from sign_in_networks
       where user_id = $1 and network_key <> $2
       order by at desc
       offset $3
     )`,
    [userId, networkKey, MOST_NETWORKS - 1],
  )
}

/** Removes networks that are not heard any more. */
export const deleteOldSignInNetworks = (pool: Pool, limit: number): Promise<number> =>
  deleteBatch(pool, { table: 'sign_in_networks', where: "at <= now() - interval '30 days'", by: 'at' }, limit)
