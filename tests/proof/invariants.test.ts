import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addPending, deliver } from '../core/fixtures.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { faultsOf } from './invariants.ts'
import { MAILBOX_GUESSES } from './scenes.ts'
import { type Stage, setStage } from './stage.ts'

// The explorer believes what `faultsOf` says: so each of its questions is asked of a database in which just that is wrong.

let database: TestDatabase
let stage: Stage
let userId: string
beforeAll(async () => {
  database = await createTestDatabase()
  // They keep out what is planted here.
  await database.pool.query('drop index users_one_active_per_email, codes_one_current_per_user')
})
afterAll(() => database.drop())

beforeEach(async () => {
  stage = await setStage(database)
  const { mailId, user } = await addPending(database)
  await deliver(stage.deliverTools(), mailId)
  userId = user.id
  expect(await faultsOf(stage)).toEqual([])
})

const sql =
  (...statements: string[]) =>
  async () => {
    for (const statement of statements) await database.pool.query(statement)
  }
const activate = 'update users set activated_at = now()'
const tell = `insert into events (type, user_id, data, settled_at, outcome)
  select 'user.activated', id, '{}', now(), 'accepted' from users`

const planted: { fault: string; plant(): Promise<void> }[] = [
  {
    fault: 'a registration has no code of its own, or several that live',
    plant: sql('update codes set superseded_at = now()'),
  },
  {
    fault: 'an address has two accounts',
    plant: sql(
      "insert into users (id, email, password_hash, ref) select gen_random_uuid(), email, 'a hash', 'ABCD' from users",
      activate,
    ),
  },
  { fault: 'a mail is lost: it never ended', plant: sql('update mails set settled_at = null, outcome = null') },
  {
    fault: 'a registration waits for a mail that does not exist',
    plant: async () => {
      await sql('delete from mails')()
      stage.ledger.sent.length = 0
    },
  },
  {
    fault: 'a mail was dropped although its code is the current one of a pending registration',
    plant: sql("update mails set outcome = 'dropped'"),
  },
  {
    fault: 'an accepted mail has a code that was never open',
    plant: sql('update codes set opened_at = null, expires_at = null, sent_at = null'),
  },
  { fault: 'an activation is told twice, or one that never was', plant: sql(tell) },
  { fault: 'an activation is told twice, or one that never was', plant: sql(activate, tell, tell) },
  {
    fault: 'an event that waits tells of somebody who is gone',
    plant: sql(
      `insert into events (type, user_id, data) values ('user.deleted', gen_random_uuid(), '{"user":{"email":"ada@example.com"}}')`,
    ),
  },
  { fault: 'more attempts were spent than there are', plant: sql('update codes set attempts = 4') },
  {
    fault: 'a mail left with a code that was dead already',
    plant: async () => void stage.ledger.sent.splice(0, 1, { key: 'a key', to: 'somebody', wasDead: true }),
  },
  {
    fault: 'a registration that was promised a code is gone',
    plant: async () => {
      stage.ledger.promised.push(userId)
      await sql('delete from users')()
    },
  },
  {
    fault: 'a mail was taken twice',
    plant: async () => void stage.ledger.sent.push(...stage.ledger.sent.map((mail) => ({ ...mail, key: 'another' }))),
  },
  {
    fault: '2 registrations were made under one key',
    plant: async () => void stage.ledger.answers.push('new', 'new'),
  },
  { fault: '0 registrations were made under one key', plant: async () => void stage.ledger.answers.push('known') },
  {
    fault: '1 were told that they are active, and 0 are',
    plant: async () => void stage.ledger.answers.push('activated'),
  },
  {
    fault: '1 were activated, and 0 are told',
    plant: async () => {
      stage.ledger.answers.push('activated')
      await sql(activate)()
    },
  },
  {
    fault: '4 guesses were compared',
    plant: async () => void stage.ledger.answers.push(...Array.from({ length: 4 }, () => ({ attemptsLeft: 0 }))),
  },
  {
    fault: `${MAILBOX_GUESSES + 1} guesses at one mailbox were compared`,
    plant: sql(`insert into guesses (mailbox_key) select '\\x00'::bytea from generate_series(0, ${MAILBOX_GUESSES})`),
  },
]

test.each(planted)('it is found that $fault', async ({ fault, plant }) => {
  await plant()
  expect(await faultsOf(stage)).toContain(fault)
})
