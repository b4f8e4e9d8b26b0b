import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findAccount, noteSignIn } from '../../../src/core/postgres/accounts/accounts.ts'
import { activateByOperator, deleteRegistration } from '../../../src/core/postgres/accounts/support.ts'
import { openCode, replaceCode } from '../../../src/core/postgres/codes/code-minute.ts'
import { listCodes, supersedeCode } from '../../../src/core/postgres/codes/codes.ts'
import { insertRegistration } from '../../../src/core/postgres/codes/new-codes.ts'
import { readGuessing } from '../../../src/core/postgres/guesses.ts'
import { removeOldRows } from '../../../src/core/postgres/housekeeping.ts'
import { measureBacklog, measureRelayLag } from '../../../src/core/postgres/outbox/backlog.ts'
import {
  claimEvent,
  postponeEvent,
  retryFailedEvent,
  retryFailedEvents,
  settleEvent,
} from '../../../src/core/postgres/outbox/events.ts'
import { renewLease } from '../../../src/core/postgres/outbox/lease.ts'
import { endUntriedMail, postponeMail, settleMail } from '../../../src/core/postgres/outbox/mail-outcomes.ts'
import { takeNotice } from '../../../src/core/postgres/outbox/notices.ts'
import { retryFailedMail, retryFailedMails } from '../../../src/core/postgres/outbox/operator-retry.ts'
import {
  giveUpOverdueRows,
  heartbeat,
  takeDueRows,
  takeOffersBack,
} from '../../../src/core/postgres/outbox/outbox-rows.ts'
import { findEventTraces, findMailTraces } from '../../../src/core/postgres/outbox/traces.ts'
import type { Pool } from '../../../src/core/postgres/pool.ts'
import { countEvent, lookAtCounters } from '../../../src/core/postgres/rate-limits.ts'
import { transaction } from '../../../src/core/postgres/transaction.ts'
import {
  activateUser,
  findByIdempotencyKey,
  findCredentials,
  findUser,
  forgetOldIdempotencyKey,
} from '../../../src/core/postgres/users.ts'
import { newCode } from '../../../src/core/registration/new-code.ts'
import { createTestDatabase, shareTestDatabase, type TestDatabase } from '../../support/database.ts'
import { deliverTools } from '../../support/delivery.ts'
import { clearNo, deliver, refused, scriptedMailer, silence, useCaseTools } from '../fixtures.ts'
import { expectBoundedReads, fill, idOf } from './plans.ts'

let database: TestDatabase
const empty = shareTestDatabase()
beforeAll(async () => {
  database = await createTestDatabase()
  await fill(database)
}, 180_000)
afterAll(() => database.drop())
const pools = () => ({ filled: database.pool, empty: empty.pool })

// Waiting, never offered or offered, not failing; those of people that are not active have numbers that end in 0.
const WAITING = 1210
const lease = { mailId: idOf('mail', WAITING), token: randomUUID(), ttlSeconds: 60 }
const eventLease = { eventId: idOf('event', WAITING), token: lease.token }
const digest = Buffer.alloc(16)
const counterKeys = ['registrations-per-net-3600s:7', 'registrations-per-net-3600s:fresh']
const guessing = { mailboxKeys: [digest], budgets: [{ max: 9, seconds: 86_400 }], isSurge: null }
const wanted = {
  ...{ id: idOf('user', WAITING), cooldownSeconds: 30, mailboxKeys: [digest], counterKeys },
  guessBudgets: [{ max: 9, seconds: 86_400 }],
}
const tries = (step: Error) => async (pool: Pool) => {
  await deliver({ ...deliverTools(database, scriptedMailer(step)), pool }, idOf('mail', 4010))
}

/**
 * Everything that request, relay, job and housekeeping ask PostgreSQL. To add something: its name, what sends the statements, and
 * how many rows of a table one of them may read, when that is more than a few. A whole use case is as good as a single function.
 */
const cases: Record<string, { run(pool: Pool): Promise<unknown>; mayRead?: number }> = {
  'api: authenticate': { run: (pool) => findCredentials(pool, idOf('user', WAITING), counterKeys) },
  'api: status': { run: (pool) => findUser(pool, wanted) },
  'api: repetition': { run: (pool) => findByIdempotencyKey(pool, [digest], counterKeys) },
  'api: free an old key': { run: (pool) => transaction(pool, (tx) => forgetOldIdempotencyKey(tx, digest)) },
  'api: how much was guessed': {
    run: (pool) => readGuessing(pool, guessing),
  },
  'api: register': {
    run: (pool) =>
      transaction(pool, async (tx) => {
        const [email, requestId] = ['fresh@example.com', 'a request']
        const user = { id: randomUUID(), email, passwordHash: 'a hash', ref: 'K7QX', locale: 'en', metadata: '{}' }
        const code = newCode(useCaseTools(database), { email, requestId })
        await insertRegistration(tx, {
          user: { ...user, idempotencyKey: randomBytes(32), idempotencyDigest: digest },
          code,
          spending: { keys: counterKeys, seconds: [60, 60], maxima: [1_000_000, 1_000_000] },
          cooldownSeconds: 30,
        })
        // Its plan is looked at afterwards, with the same ids.
        await deleteRegistration(tx, user.id)
      }),
  },
  'api: guess': { run: (pool) => transaction(pool, (tx) => listCodes(tx, idOf('user', WAITING))) },
  'api: activate': {
    run: (pool) =>
      transaction(pool, (tx) =>
        activateUser(
          tx,
          { id: idOf('user', 1220), email: 'person1220@example.com', passwordHash: 'a hash' },
          async () => {},
        ),
      ),
  },
  'api: supersede a code': { run: (pool) => transaction(pool, (tx) => supersedeCode(tx, idOf('user', 1230))) },
  'operator: activate': { run: (pool) => transaction(pool, (tx) => activateByOperator(tx, idOf('user', 1240))) },
  'api: look at counters': { run: (pool) => lookAtCounters(pool, counterKeys) },
  'api: count an event': {
    run: (pool) =>
      countEvent(pool, {
        counters: counterKeys.map((key) => ({ key, seconds: 60 })),
        older: ['registrations-per-net-3600s:8'],
      }),
  },
  'api: sign-in': { run: (pool) => findAccount(pool, 'person11@example.com', [digest], counterKeys) },
  'api: note a sign-in': { run: (pool) => noteSignIn(pool, idOf('user', 11), digest) },
  'relay: take rows': { run: (pool) => takeDueRows(pool, 'mails', { fresh: 100, again: 100 }), mayRead: 250 },
  'relay: undo an offer': { run: (pool) => takeOffersBack(pool, 'mails', [idOf('mail', WAITING)]) },
  'relay: heartbeat': { run: (pool) => heartbeat(pool, 'mails', 5), mayRead: 500 },
  'relay: give up': {
    run: (pool) => giveUpOverdueRows(pool, 'mails', { afterSeconds: 3600, limit: 20, raisesEvents: true }),
  },
  'metrics: lag': { run: (pool) => measureRelayLag(pool, 'mails') },
  'metrics: backlog': { run: (pool) => measureBacklog(pool, 'mails'), mayRead: 10_000 },
  'job: deliver': {
    run: (pool) => deliver({ ...deliverTools(database, scriptedMailer()), pool }, idOf('mail', WAITING)),
  },
  'job: deliver, refused': { run: tries(refused()) },
  'job: deliver, later': { run: tries(clearNo()) },
  'job: deliver, silent': { run: tries(silence()) },
  'job: renew a lease': {
    run: (pool) => renewLease(pool, 'mails', { id: lease.mailId, token: lease.token, seconds: 7 }),
  },
  'job: open a code': {
    run: (pool) => openCode(pool, { codeId: idOf('code', 20), ttlSeconds: 60, maxAttempts: 3, digest, guessing }),
  },
  'job: replace a code': {
    run: (pool) =>
      replaceCode(pool, {
        ...{ ...lease, digest, userId: idOf('user', WAITING), formerId: idOf('code', WAITING) },
        fresh: { id: randomUUID(), digits: 4, keyId: 'a key' },
      }),
  },
  'job: take a notice': {
    run: (pool) =>
      takeNotice(pool, { ...{ mailId: lease.mailId, email: 'person11@example.com', digest }, freshKey: randomUUID() }),
  },
  'job: settle': {
    run: (pool) => settleMail(pool, { ...lease, outcome: 'accepted', code: 'sent', raisesEvents: true }),
  },
  'job: postpone': {
    run: (pool) =>
      postponeMail(pool, { ...lease, error: 'x', inMs: 1, retryAfterMs: null, code: 'closed', isKeyUnusable: true }),
  },
  'job: end untried': {
    run: (pool) => endUntriedMail(pool, idOf('mail', 30), { outcome: 'given-up', raisesEvents: true }),
  },
  'operator: retry one': { run: (pool) => retryFailedMail(pool, idOf('mail', 30_000)) },
  'operator: retry all': { run: (pool) => retryFailedMails(pool, 50), mayRead: 100 },
  'relay: take events': { run: (pool) => takeDueRows(pool, 'events', { fresh: 100, again: 100 }), mayRead: 250 },
  'relay: undo an offer of an event': { run: (pool) => takeOffersBack(pool, 'events', [idOf('event', WAITING)]) },
  'relay: events that are given up': {
    run: (pool) => giveUpOverdueRows(pool, 'events', { afterSeconds: 3600, limit: 20, raisesEvents: false }),
  },
  'job: claim an event': {
    run: (pool) => claimEvent(pool, { ...eventLease, leaseSeconds: 7, giveUpAfterSeconds: 86_400 }),
  },
  'job: settle an event': {
    run: (pool) => settleEvent(pool, { ...eventLease, outcome: 'accepted', error: null }),
  },
  'job: postpone an event': {
    run: (pool) => postponeEvent(pool, { ...eventLease, error: 'x', inMs: 1, retryAfterMs: null }),
  },
  'operator: retry one event': { run: (pool) => retryFailedEvent(pool, idOf('event', 30_000)) },
  'operator: retry all events': { run: (pool) => retryFailedEvents(pool, 50), mayRead: 100 },
  'operator: trace by event': { run: (pool) => findEventTraces(pool, idOf('event', 7), 20) },
  'operator: trace events by registration': { run: (pool) => findEventTraces(pool, idOf('user', 7), 20) },
  'operator: trace events by reference': { run: (pool) => findEventTraces(pool, 'K77', 20), mayRead: 200 },
  'operator: trace by mail': { run: (pool) => findMailTraces(pool, idOf('mail', 7), 20) },
  'operator: trace by request': { run: (pool) => findMailTraces(pool, 'request77', 20) },
  'operator: trace by reference': { run: (pool) => findMailTraces(pool, 'K77', 20), mayRead: 200 },
  housekeeping: { run: (pool) => removeOldRows({ pool }, { signal: new AbortController().signal }), mayRead: 3000 },
}

test.each(Object.entries(cases))('%s reads no more rows than it needs', async (_name, { run, mayRead }) => {
  await expectBoundedReads(pools(), () => run(database.pool), mayRead)
})

test('a statement that reads a whole table is found out', async () => {
  const slow = () => database.pool.query("select 1 from guesses where at > clock_timestamp() - interval '1 hour'")
  await expect(expectBoundedReads(pools(), slow, 1000)).rejects.toThrow('to deeply equal')
})
