import { expect, test } from 'vitest'
import { RELAY_BATCH, relayMails } from '../../src/core/mail/relay-mails.ts'
import { measureRelayLag, type OfferedMail, takeMailsToOffer } from '../../src/core/postgres/mails.ts'
import { transaction } from '../../src/core/postgres/pool.ts'
import { type TestDatabase, useTestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import { addPending, age, clearNo, deliver, scriptedMailer } from './fixtures.ts'

const relay = async ({ pool }: TestDatabase): Promise<OfferedMail[]> => {
  const offered: OfferedMail[] = []
  await relayMails(pool, async (mails) => void offered.push(...mails))
  return offered
}

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

test('a settled mail is never offered', async () => {
  const database = await useTestDatabase()
  const { user, mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer()), mailId)
  await age(database, user.id, 3600)
  expect(await relay(database)).toEqual([])
})

test('mails that were never offered go before those that were, the oldest first', async () => {
  const database = await useTestDatabase()
  const again = await addPending(database)
  await relay(database)
  await age(database, again.user.id, 500)
  const younger = await addPending(database)
  const older = await addPending(database)
  await age(database, older.user.id, 100)
  const takeOne = () => transaction(database.pool, (tx) => takeMailsToOffer(tx, 1))
  const order = [...(await takeOne()), ...(await takeOne()), ...(await takeOne())]
  expect(idsOf(order)).toEqual([older.mailId, younger.mailId, again.mailId])
})

test('a mail that the provider holds back is offered with the rest of its delay', async () => {
  const database = await useTestDatabase()
  const { user, mailId } = await addPending(database)
  await deliver(deliverTools(database, scriptedMailer(clearNo(60_000))), mailId)
  await age(database, user.id, 10)
  const [offered] = await relay(database)
  expect(offered?.delayMs).toBeGreaterThan(40_000)
  expect(offered?.delayMs).toBeLessThanOrEqual(50_000)
})

test('a batch is bounded, and the next one takes the rest', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  await database.pool.query(
    `with copies as (
       insert into codes (id, user_id, digits, key_id, superseded_at)
       select gen_random_uuid(), codes.user_id, 4, 'key', now() from codes, generate_series(1, $1::integer)
       returning id, user_id
     )
     insert into mails (id, user_id, code_id, request_id) select gen_random_uuid(), user_id, id, 'bulk' from copies`,
    [RELAY_BATCH + 5],
  )
  const [first, second] = [idsOf(await relay(database)), idsOf(await relay(database))]
  expect([first.length, second.length]).toEqual([RELAY_BATCH, 6])
  const all = new Set([...first, ...second])
  expect(all.size).toBe(RELAY_BATCH + 6)
  expect(all).toContain(mailId)
})

test('two relays at once never take the same mail, and neither waits for the other', async () => {
  const database = await useTestDatabase()
  const people = await Promise.all(Array.from({ length: 12 }, () => addPending(database)))
  const inner: OfferedMail[] = []
  const outer: OfferedMail[] = []
  await transaction(database.pool, async (tx) => {
    outer.push(...(await takeMailsToOffer(tx, 5)))
    // The other relay runs while this one still holds its rows.
    inner.push(...(await relay(database)))
  })
  expect(outer).toHaveLength(5)
  expect(inner).toHaveLength(7)
  expect(new Set(idsOf([...outer, ...inner]))).toEqual(new Set(people.map(({ mailId }) => mailId)))
})

test('many relays at once offer every mail once', async () => {
  const database = await useTestDatabase()
  const people = await Promise.all(Array.from({ length: 30 }, () => addPending(database)))
  const taken = await Promise.all(
    Array.from({ length: 8 }, () => transaction(database.pool, (tx) => takeMailsToOffer(tx, 10))),
  )
  const rest = await relay(database)
  const ids = idsOf([...taken.flat(), ...rest])
  expect(ids).toHaveLength(people.length)
  expect(new Set(ids).size).toBe(people.length)
})

test('a queue that refuses leaves the mails as never offered', async () => {
  const database = await useTestDatabase()
  const { mailId } = await addPending(database)
  const refuse = () => Promise.reject(new Error('the queue is down'))
  await expect(relayMails(database.pool, refuse)).rejects.toThrow('the queue is down')
  const rows = await database.pool.query('select offered_at, offers from mails')
  expect(rows.rows).toEqual([{ offered_at: null, offers: 0 }])
  expect(await relay(database)).toMatchObject([{ id: mailId, offers: 1 }])
})

test('without mails the queue is not called', async () => {
  const database = await useTestDatabase()
  const refuse = () => Promise.reject(new Error('called'))
  expect(await relayMails(database.pool, refuse)).toBe(0)
})

test('the lag is the age of the oldest mail that was never offered', async () => {
  const database = await useTestDatabase()
  expect(await measureRelayLag(database.pool)).toBe(0)
  const { user } = await addPending(database)
  await age(database, user.id, 30)
  expect(await measureRelayLag(database.pool)).toBeGreaterThanOrEqual(30_000)
  await relay(database)
  expect(await measureRelayLag(database.pool)).toBe(0)
})
