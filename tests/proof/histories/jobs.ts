import type { Mailer, OutgoingMail } from '../../../src/core/mail/mailer.ts'
import { retryFailedMail } from '../../../src/core/postgres/outbox/operator-retry.ts'
import { takeDueRows } from '../../../src/core/postgres/outbox/outbox-rows.ts'
import { deliver } from '../../core/fixtures.ts'
import type { TestDatabase } from '../../support/database.ts'
import { deliverTools, POLICY, testProvider } from '../../support/delivery.ts'
import { codeIn } from '../../support/mail-provider.ts'
import { moveBack } from './clock.ts'
import type { Script } from './http-script.ts'
import type { Mood, Sent } from './model-provider.ts'
import { RULES } from './model-state.ts'
import { failureOf } from './moods.ts'

const DELIVERY_POLICY = { ...POLICY, guessBudgets: [{ max: RULES.guessesADay, seconds: 86_400 }] }

/** The queue and its worker, before a provider with moods; and what people read in their mails. */
export const createJobs = (database: TestDatabase, script: Script) => {
  const { pool } = database
  const jobs = new Set<string>()
  const codes = new Map<string, string[]>()
  const providerIds = new Map<string, string>()
  const bytes = new Map<string, string>()
  const refusedKeys = new Set<string>()

  const mailerOf = (mood: Mood, sent: Sent[], take: (mail: OutgoingMail, key: string) => string): Mailer => ({
    provider: 'resend',
    send: async (mail, { idempotencyKey }) => {
      const code = codeIn(mail)
      sent.push({ to: mail.to, brings: code === '' ? 'notice' : code.length })
      const same = JSON.stringify(mail)
      if ((bytes.get(idempotencyKey) ?? same) !== same) throw new Error('other bytes left under one key')
      bytes.set(idempotencyKey, same)
      if (refusedKeys.has(idempotencyKey)) throw new Error('a key was used again that a provider answers as before')
      if (mood === 'refuses') refusedKeys.add(idempotencyKey)
      if (mood === 'slow') await moveBack(database, RULES.slow)
      const failure = failureOf(mood)
      if (failure && mood !== 'silent') throw failure
      const providerId = take(mail, code)
      if (failure) throw failure
      return { providerId }
    },
    close: async () => {},
  })

  const attempt = async (mailId: string, mood: Mood, sent: Sent[]) => {
    const owners = await pool.query<{ id: string }>('select user_id as id from mails where id = $1', [mailId])
    const mailer = mailerOf(mood, sent, ({ to }, code) => {
      for (const { id } of code === '' ? [] : owners.rows) codes.set(id, [...(codes.get(id) ?? []), code])
      if (code !== '') script.taken(to, code)
      providerIds.set(mailId, `of ${mailId}`)
      return `of ${mailId}`
    })
    const provider = testProvider(mailer)
    // What the mails of others have just met.
    provider.health.note('of somebody else', failureOf(mood) ?? { providerId: null }, 0)
    const { end } = await deliver(
      { ...deliverTools(database, mailer), policy: DELIVERY_POLICY, providers: [provider] },
      mailId,
    )
    return end
  }

  return {
    /** The codes that a person has read, the oldest first. */
    readBy: (userId: string): string[] => codes.get(userId) ?? [],
    providerIdOf: (mailId: string): string => providerIds.get(mailId) ?? '',

    relay: async (): Promise<void> => {
      const rows = await takeDueRows(pool, 'mails', { fresh: 10, again: 10 })
      for (const { id } of rows) jobs.add(id)
    },

    /** Each job that waits is tried once. */
    deliver: async (mood: Mood): Promise<Sent[]> => {
      script.mood(mood)
      const sent: Sent[] = []
      for (const mailId of [...jobs]) if ((await attempt(mailId, mood, sent)) !== 'later') jobs.delete(mailId)
      return sent
    },

    retry: async (mailId: string): Promise<boolean> => {
      const isRetried = await retryFailedMail(pool, mailId)
      if (isRetried) jobs.add(mailId)
      return isRetried
    },
  }
}
