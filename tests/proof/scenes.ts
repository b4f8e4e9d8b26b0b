import { randomUUID } from 'node:crypto'
import { retryFailedMail } from '../../src/core/postgres/outbox/operator-retry.ts'
import { recordReports } from '../../src/core/postgres/outbox/provider-reports.ts'
import { addGuesses } from '../core/add-guesses.ts'
import { addActive, addPending, age, deliver, digitsOf, otherThan, refused, silence } from '../core/fixtures.ts'
import {
  type Act,
  addSent,
  changing,
  deleting,
  delivering,
  keepingHouse,
  registering,
  relaying,
  resending,
  throwing,
  typing,
} from './acts.ts'
import { type Stage, setStage } from './stage.ts'

/** Two or three things that go on at once. */
export type SceneOf = (stage: Stage) => Promise<Act[]>

// Of a day, see POLICY.
export const MAILBOX_GUESSES = 9

export const SCENES: Record<string, SceneOf> = {
  'two registrations under one key': async (stage) => {
    const email = `${randomUUID()}@example.com`
    return [registering(stage, email, 'one key'), registering(stage, email, 'one key')]
  },
  'a registration and the relay': async (stage) => [registering(stage, `${randomUUID()}@example.com`, null), relaying],
  'the right code twice': async (stage) => {
    const one = await addSent(stage)
    return [typing(stage, one, one.code), typing(stage, one, one.code)]
  },
  'two registrations of one address': async (stage) => {
    const email = `${randomUUID()}@example.com`
    const [one, other] = [await addSent(stage, email), await addSent(stage, email)]
    return [typing(stage, one, one.code), typing(stage, other, other.code)]
  },
  'the last two of three guesses and a third': async (stage) => {
    const one = await addSent(stage)
    await stage.database.pool.query('update codes set attempts = 2 where id = $1', [one.codeId])
    return [typing(stage, one, otherThan(one.code)), typing(stage, one, otherThan(one.code))]
  },
  'three guesses where two attempts are left': async (stage) => {
    const one = await addSent(stage)
    await stage.database.pool.query('update codes set attempts = 1 where id = $1', [one.codeId])
    return [0, 1, 2].map(() => typing(stage, one, otherThan(one.code)))
  },
  'the last guess of a mailbox, at two of its registrations': async (stage) => {
    const name = randomUUID()
    const [one, other] = [await addSent(stage, `${name}@example.com`), await addSent(stage, `${name}+tag@example.com`)]
    await addGuesses(stage.database, one.user.email, MAILBOX_GUESSES - 1)
    return [typing(stage, one, otherThan(one.code)), typing(stage, other, otherThan(other.code))]
  },
  'the right code and a resend': async (stage) => {
    const one = await addSent(stage)
    return [typing(stage, one, one.code), resending(stage, one)]
  },
  'two resends': async (stage) => {
    const one = await addSent(stage)
    return [resending(stage, one), resending(stage, one)]
  },
  'a resend and a delivery': async (stage) => {
    const one = await addPending(stage.database)
    return [resending(stage, one), delivering(stage, one)]
  },
  'a resend and the repetition of an unanswered mail': async (stage) => {
    const one = await addPending(stage.database)
    await deliver(stage.deliverTools(undefined, throwing(silence)), one.mailId)
    await stage.database.pool.query('update mails set retry_at = null, lease_until = null, lease_token = null')
    return [resending(stage, one), delivering(stage, one)]
  },
  'two deliveries of one mail': async (stage) => {
    const one = await addPending(stage.database)
    return [delivering(stage, one), delivering(stage, one)]
  },
  'a refused delivery and a resend': async (stage) => {
    const one = await addPending(stage.database)
    return [delivering(stage, one, throwing(refused)), resending(stage, one)]
  },
  'the code of an unanswered mail and its repetition': async (stage) => {
    const one = await addPending(stage.database)
    await deliver(stage.deliverTools(undefined, throwing(silence)), one.mailId)
    await stage.database.pool.query('update mails set retry_at = null, lease_until = null, lease_token = null')
    return [typing(stage, one, await digitsOf(stage.database, one.codeId)), delivering(stage, one)]
  },
  'a delivery and the relay': async (stage) => {
    const one = await addPending(stage.database)
    return [delivering(stage, one), relaying, relaying]
  },
  "a delivery and an operator's retry": async (stage) => {
    const one = await addPending(stage.database)
    await deliver(stage.deliverTools(undefined, throwing(refused)), one.mailId)
    return [(actor) => retryFailedMail(actor.pool, one.mailId), delivering(stage, one)]
  },
  'a report and the settling that it is about': async (stage) => {
    const one = await addPending(stage.database)
    const report = { providerId: 'taken', kind: 'delivered', at: new Date() } as const
    return [
      (actor) => recordReports(actor.pool, { provider: 'resend', reports: [report], raisesEvents: true }),
      delivering(stage, one),
    ]
  },
  'housekeeping and the right code': async (stage) => {
    const one = await addSent(stage)
    await stage.database.pool.query(`update users set created_at = now() - interval '25 hours'`)
    return [keepingHouse, typing(stage, one, one.code)]
  },
  'housekeeping and a resend': async (stage) => {
    const one = await addSent(stage)
    await age(stage.database, one.user.id, 25 * 3600)
    return [keepingHouse, resending(stage, one)]
  },
  'a change of the password and a deletion': async ({ database }) => {
    const one = await addActive(database)
    return [changing(one), deleting(one)]
  },
  'a deletion and the right code of another registration': async (stage) => {
    const email = `${randomUUID()}@example.com`
    const account = await addActive(stage.database, email)
    const other = await addSent(stage, email)
    return [deleting(account), typing(stage, other, other.code)]
  },
  "a deletion and the owner's notice": async (stage) => {
    const email = `${randomUUID()}@example.com`
    const account = await addActive(stage.database, email)
    const other = await addPending(stage.database, email)
    return [deleting(account), delivering(stage, other)]
  },
}

/** One thing alone, for whoever kills it. */
export const ALONE: Record<string, SceneOf> = {
  'a right code': async (stage) => {
    const one = await addSent(stage)
    return [typing(stage, one, one.code)]
  },
  'a wrong code': async (stage) => {
    const one = await addSent(stage)
    return [typing(stage, one, otherThan(one.code))]
  },
  'a registration': async (stage) => [registering(stage, `${randomUUID()}@example.com`, 'its key')],
  'a resend': async (stage) => [resending(stage, await addSent(stage))],
  'a delivery that is accepted': async (stage) => [delivering(stage, await addPending(stage.database))],
  'a delivery that is refused': async (stage) => [
    delivering(stage, await addPending(stage.database), throwing(refused)),
  ],
  'a delivery without an answer': async (stage) => [
    delivering(stage, await addPending(stage.database), throwing(silence)),
  ],
  'a delivery that needs a fresh code': async (stage) => {
    const one = await addPending(stage.database)
    await deliver(stage.deliverTools(undefined, throwing(silence)), one.mailId)
    await age(stage.database, one.user.id, 45)
    return [delivering(stage, one)]
  },
  'a notice to an owner': async (stage) => {
    const email = `${randomUUID()}@example.com`
    await addActive(stage.database, email)
    return [delivering(stage, await addPending(stage.database, email))]
  },
  'an offer to the queue': async (stage) => {
    await addPending(stage.database)
    return [relaying]
  },
  'a change of the password': async ({ database }) => [changing(await addActive(database))],
  'a deletion': async ({ database }) => [deleting(await addActive(database))],
  housekeeping: async (stage) => {
    await age(stage.database, (await addSent(stage)).user.id, 25 * 3600)
    return [keepingHouse]
  },
}

export const sceneOf = (database: Stage['database'], name: string) => async () => {
  const stage = await setStage(database)
  const acts = await ({ ...SCENES, ...ALONE }[name] ?? (async () => []))(stage)
  return { stage, acts }
}
