import type { DeliverTools } from '../../src/core/mail/delivery.ts'
import type { Mailer } from '../../src/core/mail/mailer.ts'
import { deliver, useCaseTools } from '../core/fixtures.ts'
import type { TestDatabase } from '../support/database.ts'
import { deliverTools } from '../support/delivery.ts'
import type { Actor } from './actor.ts'

/** What a scene has seen beside the rows: answers by act, and what the provider took. */
export type Ledger = {
  answers: unknown[]
  /** Registrations that were told that a code is on its way. */
  promised: string[]
  sent: { key: string; to: string; wasDead: boolean }[]
}

export type Stage = {
  database: TestDatabase
  ledger: Ledger
  /** The use cases' tools on an actor's connections, or on the test's own. */
  tools(actor?: Actor): ReturnType<typeof useCaseTools>
  /** The same for a delivery; the call to the provider is a point of its own. `answer` decides what the provider says. */
  deliverTools(actor?: Actor, answer?: () => void): DeliverTools
}

/** An empty database, and a ledger for one order of one scene. */
export const setStage = async (database: TestDatabase): Promise<Stage> => {
  await database.pool.query('delete from users')
  await database.pool.query('delete from guesses')
  await database.pool.query('delete from events')
  const ledger: Ledger = { answers: [], promised: [], sent: [] }
  const on = (actor?: Actor) => ({ ...database, pool: actor?.pool ?? database.pool })

  const mailer = (actor: Actor | undefined, answer: () => void): Mailer => ({
    send: async ({ to }, { idempotencyKey }) => {
      await actor?.pause()
      const wasDead = await isDead(database, idempotencyKey)
      answer()
      ledger.sent.push({ key: idempotencyKey, to, wasDead })
      return { providerId: null }
    },
    close: async () => {},
  })

  return {
    database,
    ledger,
    tools: (actor) => useCaseTools(on(actor)),
    deliverTools: (actor, answer = () => {}) => deliverTools(on(actor), mailer(actor, answer)),
  }
}

/** Whether a mail goes out under a code that can never be used: superseded, or not open. A notice has no code. */
const isDead = async ({ pool }: TestDatabase, key: string): Promise<boolean> => {
  const found = await pool.query<{ isDead: boolean }>(
    'select superseded_at is not null or opened_at is null as "isDead" from codes where id = $1',
    [key],
  )
  return found.rows[0]?.isDead ?? false
}

/** What comes after it all, and after a crash: every lease runs out, and a worker brings away what waits. */
export const recover = async ({ database, ...stage }: Stage): Promise<void> => {
  for (let round = 0; round < 5; round += 1) {
    await database.pool.query(
      'update mails set lease_until = null, lease_token = null, retry_at = null where settled_at is null',
    )
    const waiting = await database.pool.query<{ id: string }>('select id from mails where settled_at is null')
    if (waiting.rows.length === 0) return
    for (const { id } of waiting.rows) await deliver(stage.deliverTools(), id)
  }
}
