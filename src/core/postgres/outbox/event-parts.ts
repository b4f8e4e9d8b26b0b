// Parts of statements that raise events, or take persons out of them.

const iso = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** What an event says of a registration: JSON of a row of users. */
export const PERSON = `json_build_object('id', users.id, 'email', users.email, 'locale', users.locale, 'metadata', users.metadata,
  'createdAt', ${iso('users.created_at')}, 'activatedAt', ${iso('users.activated_at')})`

export const idOnly = (id: string) => `json_build_object('user', json_build_object('id', ${id}))`

/** All that is kept of an event that nobody may be told more of. */
export const ID_ONLY = idOnly('user_id')

/**
 * A part of a statement that raises `mail.undeliverable` for the rows of `ended`, which has the mail's `id`, its `user_id` and a `reason`,
 * where `condition` holds: once for a mail, however often it fails, as the event's id is made of the mail's. It waits for a deletion that is under way, and a deletion waits for it.
 */
export const raisingUndeliverable = (ended: string, condition: string): string =>
  `raised as (
       insert into events (id, type, user_id, data)
       select md5('mail.undeliverable ' || ended.id)::uuid, 'mail.undeliverable', users.id, json_build_object('user', ${PERSON}, 'mail', json_build_object('id', ended.id, 'reason', ended.reason))
       from ${ended} as ended
       join users on users.id = ended.user_id
       where ${condition}
       for key share of users
       on conflict (id) do nothing
     )`
