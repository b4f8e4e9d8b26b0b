import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { shareTestDatabase } from '../support/database.ts'
import { addActive, addPending } from './fixtures.ts'

const database = shareTestDatabase()

const CHECK = '23514'
const UNIQUE = '23505'
const FOREIGN_KEY = '23503'
const NOT_NULL = '23502'

test.each([
  ['an address with capital letters', `update users set email = 'Ada@example.com'`, CHECK],
  ['an address of 255 characters', `update users set email = repeat('a', 243) || '@example.com'`, CHECK],
  ['a user without a password hash', `update users set password_hash = null`, NOT_NULL],
  ['a code of six digits', `update codes set digits = 6`, CHECK],
  ['a code with fewer than no attempts', `update codes set attempts = -1`, CHECK],
  ['an open code without an end', `update codes set opened_at = now()`, CHECK],
  ['a code that ends but was never opened', `update codes set expires_at = now()`, CHECK],
  ['a code that was sent but never opened', `update codes set sent_at = now()`, CHECK],
  ['an unknown outcome', `update mails set outcome = 'lost', settled_at = now()`, CHECK],
  ['a settled mail without an outcome', `update mails set settled_at = now()`, CHECK],
  ['an outcome of an unsettled mail', `update mails set outcome = 'accepted'`, CHECK],
  ['a lease without an end', `update mails set lease_token = gen_random_uuid()`, CHECK],
  ['an end of no lease', `update mails set lease_until = now()`, CHECK],
  ['a mail of nobody', `update mails set user_id = gen_random_uuid()`, FOREIGN_KEY],
  ['a mail of no code', `update mails set code_id = gen_random_uuid()`, FOREIGN_KEY],
  ['a code of nobody', `update codes set user_id = gen_random_uuid()`, FOREIGN_KEY],
])('the schema refuses %s', async (_what, statement, code) => {
  await addPending(database)
  await expect(database.pool.query(statement)).rejects.toMatchObject({ code })
})

test('one address has one active row, and any number of pending ones', async () => {
  const { user } = await addActive(database)
  const second = await addPending(database, user.email)
  await addPending(database, user.email)
  const activating = database.pool.query('update users set activated_at = now() where id = $1', [second.user.id])
  await expect(activating).rejects.toMatchObject({ code: UNIQUE, constraint: 'users_one_active_per_email' })
})

test('a registration has one current code', async () => {
  const { user } = await addPending(database)
  const inserting = database.pool.query(
    `insert into codes (id, user_id, digits, key_id, mailbox_keys) values ($1, $2, 4, 'key', '{}')`,
    [randomUUID(), user.id],
  )
  await expect(inserting).rejects.toMatchObject({ code: UNIQUE, constraint: 'codes_one_current_per_user' })
})

test('a code has one mail', async () => {
  const { user, codeId } = await addPending(database)
  const inserting = database.pool.query(
    `insert into mails (id, user_id, code_id, request_id) values ($1, $2, $3, 'again')`,
    [randomUUID(), user.id, codeId],
  )
  await expect(inserting).rejects.toMatchObject({ code: UNIQUE, constraint: 'mails_code' })
})

test('an idempotency key belongs to one registration', async () => {
  const people = [await addPending(database), await addPending(database)]
  const giving = database.pool.query('update users set idempotency_key = $1 where id = any($2)', [
    Buffer.from('a key'),
    people.map(({ user }) => user.id),
  ])
  await expect(giving).rejects.toMatchObject({ code: UNIQUE, constraint: 'users_idempotency_key' })
})

test('a registration takes its codes and mails with it', async () => {
  const { user, mailId, codeId } = await addPending(database)
  await database.pool.query('delete from users where id = $1', [user.id])
  const left = await database.pool.query(
    'select id from mails where id = $1 union select id from codes where id = $2',
    [mailId, codeId],
  )
  expect(left.rows).toEqual([])
})
