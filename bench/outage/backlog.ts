import type pg from 'pg'

const DIGITS = 4

/** Writes registrations with their codes and mails as `register` does, `count` of them in one statement. `name` is what addresses begin with. */
export const insertBacklog = async (pool: pg.Pool, count: number, keyId: string, name = 'waiting'): Promise<void> => {
  await pool.query(
    `with people as (
       select gen_random_uuid() as user_id, gen_random_uuid() as code_id, number
       from generate_series(1, $1) as number
     ), new_users as (
       insert into users (id, email, password_hash, ref)
       select user_id, $4 || number || '@example.com', 'nobody signs in here', 'WAIT'
       from people
     ), new_codes as (
       insert into codes (id, user_id, digits, key_id, mailbox_keys)
       select code_id, user_id, $2, $3, array[sha256(convert_to($4 || number, 'UTF8'))]
       from people
     )
     insert into mails (id, user_id, code_id, request_id, created_at)
     select gen_random_uuid(), user_id, code_id, 'backlog', at
     from people
     -- A moment apart, as people come.
     cross join lateral (select now() - make_interval(secs => ($1 - number) / 1000.0) as at) as clock`,
    [count, DIGITS, keyId, name],
  )
  await pool.query("select pg_notify('latchkey_mails', '')")
}
