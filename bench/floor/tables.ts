import type pg from 'pg'

/** The rows that any outbox with codes needs, and no more indexes than the floor's own statements use. */
const TABLES = `
  create schema floor;
  create table floor.users (
    id uuid primary key, email text not null, password_hash text not null, ref text not null,
    created_at timestamptz not null default now(), activated_at timestamptz
  );
  create unique index users_active on floor.users (email) where activated_at is not null;
  create table floor.codes (
    id uuid primary key, user_id uuid not null references floor.users on delete cascade,
    opened_at timestamptz, expires_at timestamptz, sent_at timestamptz
  );
  create table floor.mails (
    id uuid primary key, user_id uuid not null references floor.users on delete cascade,
    code_id uuid not null references floor.codes on delete cascade,
    created_at timestamptz not null default now(), offered_at timestamptz,
    lease_token uuid, lease_until timestamptz, attempts integer not null default 0,
    settled_at timestamptz, outcome text, provider_id text
  );
  create index mails_unoffered on floor.mails (created_at) where offered_at is null;
`

export const makeFloorTables = async (pool: pg.Pool): Promise<void> => {
  await pool.query(TABLES)
}

/** Registrations whose mails wait. */
export const insertFloorBacklog = async (pool: pg.Pool, count: number, name: string): Promise<void> => {
  await pool.query(
    `with people as (
       select gen_random_uuid() as user_id, gen_random_uuid() as code_id, number
       from generate_series(1, $1) as number
     ), new_users as (
       insert into floor.users (id, email, password_hash, ref)
       select user_id, $2 || number || '@example.com', 'nobody signs in here', 'WAIT'
       from people
     ), new_codes as (
       insert into floor.codes (id, user_id)
       select code_id, user_id
       from people
     )
     insert into floor.mails (id, user_id, code_id)
     select gen_random_uuid(), user_id, code_id
     from people`,
    [count, name],
  )
  await pool.query("select pg_notify('floor_mails', '')")
}

export const REGISTER = {
  name: 'register',
  text: `
    with new_user as (
      insert into floor.users (id, email, password_hash, ref) values ($1, $2, $3, $4) returning id, created_at
    ), new_code as (
      insert into floor.codes (id, user_id) select $5, id from new_user returning id, user_id
    ), new_mail as (
      insert into floor.mails (id, user_id, code_id) select $6, user_id, id from new_code returning id
    )
    select new_user.created_at as "createdAt", pg_notify('floor_mails', '')
    from new_user, new_code, new_mail`,
}

export const TAKE = {
  name: 'take',
  text: `
    update floor.mails
    set offered_at = now()
    where id in (
      select id from floor.mails where offered_at is null order by created_at limit 100 for update skip locked
    )
    returning id`,
}

export const CLAIM = {
  name: 'claim',
  text: `
    with claimed as (
      update floor.mails
      set lease_token = $2, lease_until = now() + interval '7 seconds', attempts = attempts + 1
      where id = $1 and settled_at is null and (lease_until is null or lease_until <= now())
      returning user_id, code_id
    ), opened as (
      update floor.codes
      set opened_at = now(), expires_at = now() + interval '60 seconds'
      from claimed
      where codes.id = claimed.code_id
      returning codes.id
    )
    select opened.id as "codeId", users.email, users.ref,
      exists (
        select 1 from floor.users as other where other.email = users.email and other.activated_at is not null
      ) as "isAddressTaken"
    from claimed
    join opened on opened.id = claimed.code_id
    join floor.users on users.id = claimed.user_id`,
}

export const SETTLE = {
  name: 'settle',
  text: `
    with settled as (
      update floor.mails
      set settled_at = clock_timestamp(), outcome = 'accepted', provider_id = $3, lease_token = null, lease_until = null
      where id = $1 and settled_at is null and lease_token = $2
      returning code_id
    )
    update floor.codes
    set sent_at = clock_timestamp(), expires_at = clock_timestamp() + interval '60 seconds'
    from settled
    where codes.id = settled.code_id`,
}
