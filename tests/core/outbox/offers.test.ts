import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { measureRelayLag } from '../../../src/core/postgres/outbox/backlog.ts'
import { claimMail } from '../../../src/core/postgres/outbox/mail-claims.ts'
import { heartbeat, takeDueRows, takeOffersBack } from '../../../src/core/postgres/outbox/outbox-rows.ts'
import { transaction } from '../../../src/core/postgres/transaction.ts'
import { useTestDatabase } from '../../support/database.ts'
import { deliverTools } from '../../support/delivery.ts'
import { addPending, age, clearNo, deliver, scriptedMailer } from '../fixtures.ts'
import { BATCH, relay } from './relay.ts'

const idsOf = (mails: { id: string }[]) => mails.map(({ id }) => id)

test('a new mail is offered at once, and not again at once', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  expect(await relay(database)).toMatchObject([{ id: mailId, offers: 1, delayMs: 0 }])
  expect(await relay(database)).toEqual([])
})

test('an unsettled mail is offered again after 5, 10, 20, and then every 40 seconds', async () => {
  const database = await useTestDatabase()
  const { user } = await addPending(database)
  await relay(database)
  for (const seconds of [5, 10, 20, 40, 40, 40]) {
    await age(database, user.id, seconds - 2)
    expect(await relay(database)).toEqual([])
    await age(database, user.id, 2)
    expect(await relay(database)).toHaveLength(1)
  }
})

test('a mail that was offered a thousand times is still offered within 45 seconds', async () => {
  const database = await useTestDatabase()
  const { user } = await addPending(database)
  await relay(database)
  await database.pool.query('update mails set offers = 1000')
  await age(database, user.id, 45)
  expect(await relay(database)).toMatchObject([{ offers: 1001 }])
})

test('a mail whose job was made of its announcement counts as offered once it is claimed, and again after its lease', async () => {
  const database = await useTestDatabase()
  const { user, mailId } = await addPending(database)
  const claim = { token: randomUUID(), leaseSeconds: 7, giveUpAfterSeconds: 3600, opening: null }
  expect(await claimMail(database.pool, { mailId, ...claim })).not.toBeNull()
  expect(await measureRelayLag(database.pool, 'mails')).toBe(0)
  expect(await relay(database)).toEqual([])
  await age(database, user.id, 8)
  expect(await relay(database)).toMatchObject([{ id: mailId, offers: 2 }])
})

test('a claim leaves it as it is when a mail that was offered is due again', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  const due = async () => {
    const found = await database.pool.query('select offers, offered_at, next_offer_at from mails where id = $1', [
      mailId,
    ])
    return found.rows[0]
  }
  await relay(database)
  const before = await due()
  const claim = { token: randomUUID(), leaseSeconds: 7, giveUpAfterSeconds: 3600, opening: null }
  expect(await claimMail(database.pool, { mailId, ...claim })).not.toBeNull()
  expect(await due()).toEqual(before)
})

test('the priority that a heartbeat gives is that of a mail of now', async () => {
  const database = await useTestDatabase()
  const priority = (await heartbeat(database.pool, 'mails', 0)) ?? 0
  await database.pool.query(
    "update outboxes set priority_from = now() - interval '2 hours', beat_at = now() - interval '10 s'",
  )
  expect(await heartbeat(database.pool, 'mails', 5)).toBe(priority - 900)
  const { mailId } = await addPending(database)
  const [mail] = await relay(database)
  expect(mail?.id).toBe(mailId)
  expect([priority - 900, priority - 901]).toContain(mail?.priority)
})

test('a settled mail is never offered', async () => {
  const database = await useTestDatabase()
  const { user, mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer()), mailId)
  await age(database, user.id, 3600)
  expect(await relay(database)).toEqual([])
})

test('mails that were never offered go first, the newest before all, and those that were do not delay them', async () => {
  const database = await useTestDatabase()
  const again = await addPending(database)
  await relay(database)
  await age(database, again.user.id, 500)
  const younger = await addPending(database)
  const older = await addPending(database)
  await age(database, older.user.id, 100)
  const order: string[] = []
  for (let i = 0; i < 2; i++) order.push(...idsOf(await takeDueRows(database.pool, 'mails', { fresh: 1, again: 0 })))
  order.push(...idsOf(await relay(database)))
  expect(order).toEqual([younger.mailId, older.mailId, again.mailId])
})

test('the newer a mail, the sooner its job goes; priorities outlive years, as they begin anew while little waits', async () => {
  const database = await useTestDatabase()
  await heartbeat(database.pool, 'mails', 0)
  await database.pool.query(
    "update outboxes set priority_from = now() - interval '300 days', beat_at = now() - interval '1 hour'",
  )
  await heartbeat(database.pool, 'mails', 5)
  const [young, old, older] = [await addPending(database), await addPending(database), await addPending(database)]
  await age(database, old.user.id, 60)
  await age(database, older.user.id, 7200)
  const priorities = new Map((await relay(database)).map(({ id, priority }) => [id, priority]))
  expect(priorities.get(young.mailId)).toBeLessThan(priorities.get(old.mailId) ?? 0)
  for (const priority of priorities.values()) {
    expect(priority).toBeGreaterThan(2 ** 20)
    expect(priority).toBeLessThan(2 ** 21)
  }
})

test('a mail that is to be tried later is offered again when its job is overdue, not before', async () => {
  const database = await useTestDatabase()
  const { user, mailId } = await addPending(database)
  await relay(database)
  await deliver(deliverTools(database, scriptedMailer(clearNo(60_000))), mailId)
  await age(database, user.id, 60)
  expect(await relay(database)).toEqual([])
  await age(database, user.id, 11)
  expect(await relay(database)).toMatchObject([{ id: mailId, delayMs: 0 }])
})

test('a batch is bounded, and the next one takes the rest', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  await database.pool.query(
    `with copies as (
       insert into codes (id, user_id, digits, key_id, mailbox_keys, superseded_at)
       select gen_random_uuid(), codes.user_id, 4, 'key', '{}', now() from codes, generate_series(1, $1::integer)
       returning id, user_id
     )
     insert into mails (id, user_id, code_id, request_id) select gen_random_uuid(), user_id, id, 'bulk' from copies`,
    [BATCH + 5],
  )
  const [first, second] = [idsOf(await relay(database)), idsOf(await relay(database))]
  expect([first.length, second.length]).toEqual([BATCH, 6])
  const all = new Set([...first, ...second])
  expect(all.size).toBe(BATCH + 6)
  expect(all).toContain(mailId)
})

test('of a backlog that the queue holds a hundred are looked at in a sweep, the longest unseen first, and none by a notification', async () => {
  const database = await useTestDatabase()
  const { user } = await addPending(database)
  await database.pool.query(
    `with copies as (
       insert into codes (id, user_id, digits, key_id, mailbox_keys, superseded_at)
       select gen_random_uuid(), codes.user_id, 4, 'key', '{}', now() from codes, generate_series(1, 249)
       returning id, user_id
     )
     insert into mails (id, user_id, code_id, request_id) select gen_random_uuid(), user_id, id, 'bulk' from copies`,
  )
  while ((await relay(database)).length > 0);
  await age(database, user.id, 60)
  expect(await takeDueRows(database.pool, 'mails', { fresh: BATCH, again: 0 })).toEqual([])
  const looks = [await relay(database), await relay(database), await relay(database), await relay(database)]
  expect(looks.map((rows) => rows.length)).toEqual([100, 100, 50, 0])
  expect(new Set(idsOf(looks.flat())).size).toBe(250)
})

test('two relays at once never take the same mail, and neither waits for the other', async () => {
  const database = await useTestDatabase()
  const people = await Promise.all(Array.from({ length: 12 }, () => addPending(database)))
  const held = await transaction(database.pool, async (tx) => {
    const locked = await tx.query<{ id: string }>('select id from mails limit 5 for update')
    expect(idsOf(await relay(database))).toHaveLength(7)
    return locked.rows
  })
  expect(new Set(idsOf(await relay(database)))).toEqual(new Set(idsOf(held)))
  expect(people).toHaveLength(12)
})

test('many relays at once offer every mail once', async () => {
  const database = await useTestDatabase()
  const people = await Promise.all(Array.from({ length: 30 }, () => addPending(database)))
  const taken = await Promise.all(Array.from({ length: 8 }, () => relay(database, 10)))
  const ids = idsOf([...taken.flat(), ...(await relay(database))])
  expect(ids).toHaveLength(people.length)
  expect(new Set(ids).size).toBe(people.length)
})

test('an offer that the queue could not take is undone', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  await takeOffersBack(database.pool, 'mails', idsOf(await relay(database)))
  const rows = await database.pool.query('select offered_at, offers from mails')
  expect(rows.rows).toEqual([{ offered_at: null, offers: 0 }])
  expect(await measureRelayLag(database.pool, 'mails')).toBeGreaterThan(0)
  expect(await relay(database)).toMatchObject([{ id: mailId, offers: 1 }])
})
