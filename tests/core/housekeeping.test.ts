import { afterAll, beforeEach, expect, test } from 'vitest'
import { removeOldRows } from '../../src/core/postgres/housekeeping.ts'
import { resendCode } from '../../src/core/registration/resend-code.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { addGuesses } from './add-guesses.ts'
import { addActive, addPending, openFor, type Pending, resending, useCaseTools } from './fixtures.ts'

let database: TestDatabase

beforeEach(async () => {
  await database?.drop()
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const clean = () => removeOldRows(database, { signal: new AbortController().signal })
const run = (statement: string, ...values: unknown[]) => database.pool.query(statement, values)
const count = async (table: 'users' | 'codes' | 'mails' | 'guesses' | 'rate_limits') =>
  Number((await run(`select count(*) from ${table}`)).rows[0]?.count)
const register = (userId: string, ago: string) =>
  run('update users set created_at = now() - $2::interval where id = $1', userId, ago)
const settle = (mailId: string, ago: string) =>
  run("update mails set outcome = 'accepted', settled_at = now() - $2::interval where id = $1", mailId, ago)

const NOTHING = {
  abandonedUsers: 0,
  idempotencyKeys: 0,
  settledMails: 0,
  guesses: 0,
  rateLimits: 0,
  foreignReports: 0,
  signInNetworks: 0,
  auditRows: 0,
  events: 0,
  eventPayloads: 0,
}

test('a registration that nobody activated within a day goes, with its code and mail', async () => {
  const old = await addPending(database)
  const young = await addPending(database)
  for (const { mailId } of [old, young]) await settle(mailId, '1 minute')
  await register(old.user.id, '25 hours')
  await register(young.user.id, '23 hours')
  expect(await clean()).toEqual({ ...NOTHING, abandonedUsers: 1 })
  expect([await count('users'), await count('codes'), await count('mails')]).toEqual([1, 1, 1])
})

test('a registration of yesterday stays while its code lives, and goes when that is over', async () => {
  const { user, mailId, codeId } = await addPending(database)
  await settle(mailId, '1 second')
  await register(user.id, '25 hours')
  await openFor(database, codeId, 60)
  expect(await clean()).toEqual(NOTHING)
  await openFor(database, codeId, -1)
  expect(await clean()).toEqual({ ...NOTHING, abandonedUsers: 1 })
})

test('what a resend changes while a registration is about to be removed keeps it', async () => {
  const people = await Promise.all(Array.from({ length: 8 }, () => addPending(database)))
  for (const { user, mailId } of people) {
    await settle(mailId, '1 minute')
    await register(user.id, '25 hours')
  }
  const resend = ({ user }: Pending) => resendCode(useCaseTools(database), resending(user))
  const resent = await Promise.all([...people.map(resend), clean()])
  const kept = resent.filter((answer) => typeof answer === 'object' && 'mail' in answer).length
  expect(await count('users')).toBe(kept)
  const waiting = await run('select 1 from mails where settled_at is null')
  expect(waiting.rowCount).toBe(kept)
})

test('thousands that have to stay are passed once, and those behind them go', async () => {
  await run(`insert into users (id, email, password_hash, ref, created_at)
    select gen_random_uuid(), 'stays' || n || '@example.com', 'x', 'R', now() - interval '2 days' from generate_series(1, 2500) as n`)
  await run(`insert into codes (id, user_id, digits, key_id, mailbox_keys) select id, id, 4, 'k', '{}' from users`)
  await run(`insert into mails (id, user_id, code_id, request_id) select id, id, id, 'r' from users`)
  const { user, mailId } = await addPending(database)
  await settle(mailId, '1 minute')
  await register(user.id, '25 hours')
  expect(await clean()).toEqual({ ...NOTHING, abandonedUsers: 1 })
})

test('the codes of an account go with its mails, and those of a registration that is still open stay', async () => {
  const [account, open] = [await addActive(database), await addPending(database)]
  for (const { mailId } of [account, open]) await settle(mailId, '8 days')
  expect(await clean()).toEqual({ ...NOTHING, settledMails: 2 })
  expect((await run('select id from codes')).rows).toEqual([{ id: open.codeId }])
})

test('what cannot be removed keeps nothing else, and is told', async () => {
  await addGuesses(database, 'ada@example.com', 2, 366 * 86_400)
  await run('alter table mails rename to mails_away')
  await expect(clean()).rejects.toThrow('not everything could be removed')
  await run('alter table mails_away rename to mails')
  expect(await count('guesses')).toBe(0)
})

test('an account stays for ever', async () => {
  const { user, mailId } = await addActive(database)
  await settle(mailId, '1 minute')
  await register(user.id, '10 years')
  expect(await clean()).toEqual(NOTHING)
})

test('a registration whose mail has not left yet stays, however old', async () => {
  const { user } = await addPending(database)
  await register(user.id, '3 days')
  expect(await clean()).toEqual(NOTHING)
})

test('a mail goes a week after it was settled', async () => {
  const [old, young] = [await addActive(database), await addActive(database)]
  await settle(old.mailId, '8 days')
  await settle(young.mailId, '6 days')
  expect(await clean()).toEqual({ ...NOTHING, settledMails: 1 })
})

test('a guess goes after a year', async () => {
  await addGuesses(database, 'ada@example.com', 2, 366 * 86_400)
  await addGuesses(database, 'ada@example.com', 1, 364 * 86_400)
  expect(await clean()).toEqual({ ...NOTHING, guesses: 2 })
})

test('an idempotency key goes after a day', async () => {
  const { user, mailId } = await addActive(database)
  await settle(mailId, '1 minute')
  await run("update users set idempotency_key = '\\x01' where id = $1", user.id)
  expect(await clean()).toEqual(NOTHING)
  await register(user.id, '25 hours')
  expect(await clean()).toEqual({ ...NOTHING, idempotencyKeys: 1 })
})

test('a counter goes when its window is over', async () => {
  const at = (ms: number) =>
    run('insert into rate_limits (key, points, expire) values ($1, 1, $2)', `key${ms}`, Date.now() + ms)
  await at(-60_000)
  await at(600_000)
  expect(await clean()).toEqual({ ...NOTHING, rateLimits: 1 })
})

test('thousands of rows go in several batches, and two at once share them', async () => {
  await addGuesses(database, 'ada@example.com', 3500, 366 * 86_400)
  const removed = await Promise.all([clean(), clean()])
  expect(await count('guesses')).toBe(0)
  expect(removed.reduce((sum, { guesses = 0 }) => sum + guesses, 0)).toBe(3500)
})

test('a report that no mail of ours was settled for goes after an hour', async () => {
  const report = (id: string, minutes: number) =>
    database.pool.query(
      `insert into provider_reports (provider, provider_id, created_at) values ('resend', $1, now() - make_interval(mins => $2))`,
      [id, minutes],
    )
  await report('foreign', 61)
  await report('early', 59)
  expect(await clean()).toEqual({ ...NOTHING, foreignReports: 1 })
  expect((await database.pool.query('select provider_id from provider_reports')).rows).toEqual([
    { provider_id: 'early' },
  ])
})

test('told to stop it begins nothing more', async () => {
  await addGuesses(database, 'ada@example.com', 10, 366 * 86_400)
  expect(await removeOldRows(database, { signal: AbortSignal.abort() })).toEqual(NOTHING)
  expect(await count('guesses')).toBe(10)
})

test('networks of sign-ins are kept for 30 days, and audit rows for two years', async () => {
  const { id } = (await addActive(database)).user
  await database.pool.query(
    `insert into sign_in_networks (user_id, network_key, at)
     values ($1, 'old', now() - interval '31 days'), ($1, 'new', now() - interval '29 days')`,
    [id],
  )
  await database.pool.query(
    `insert into audit (who, what, at)
     values ('root', 'find', now() - interval '25 months'), ('root', 'find', now() - interval '23 months')`,
  )
  expect(await clean()).toEqual({ ...NOTHING, signInNetworks: 1, auditRows: 1 })
})

test('an event goes a week after it ended, and of an abandoned registration only its id waits to be told', async () => {
  const gone = await addPending(database, 'abandoned@example.com')
  await database.pool.query(
    `insert into events (type, user_id, data, settled_at, outcome)
     values ('mail.undeliverable', $1, '{"user":{"email":"abandoned@example.com"}}', null, null),
       ('mail.undeliverable', $1, '{}', now() - interval '8 days', 'accepted'),
       ('mail.undeliverable', $1, '{}', now() - interval '6 days', 'accepted')`,
    [gone.user.id],
  )
  await database.pool.query("update users set created_at = now() - interval '25 hours' where id = $1", [gone.user.id])
  await database.pool.query("update mails set settled_at = now(), outcome = 'refused' where id = $1", [gone.mailId])
  expect(await clean()).toEqual({ ...NOTHING, abandonedUsers: 1, events: 1 })
  const left = await database.pool.query('select data from events where user_id = $1 and settled_at is null', [
    gone.user.id,
  ])
  expect(left.rows).toEqual([{ data: { user: { id: gone.user.id } } }])
})
