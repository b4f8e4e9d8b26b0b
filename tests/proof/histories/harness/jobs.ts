import { retryFailedMail } from '../../../../src/core/postgres/outbox/operator-retry.ts'
import { takeDueRows } from '../../../../src/core/postgres/outbox/outbox-rows.ts'
import { deliver } from '../../../core/fixtures.ts'
import type { TestDatabase } from '../../../support/database.ts'
import { deliverTools, POLICY, testProvider } from '../../../support/delivery.ts'
import { type Mood, RULES } from '../model.ts'
import type { Script } from './http-script.ts'
import { failureOf, type Provider, type Sent } from './provider.ts'

const DELIVERY_POLICY = { ...POLICY, guessBudgets: [{ max: RULES.guesses, seconds: 86_400 }] }

/** The queue and its worker, before a provider with moods. */
export const createJobs = (database: TestDatabase, provider: Provider, script: Script) => {
  const { pool } = database
  const jobs = new Set<string>()

  const attempt = async (mailId: string, mood: Mood, sent: Sent[]) => {
    const mailer = provider.mailer(mailId, mood, sent)
    const used = testProvider(mailer)
    // What the mails of others have just met.
    used.health.note('of somebody else', failureOf(mood) ?? { providerId: null }, 0)
    const tools = { ...deliverTools(database, mailer), policy: DELIVERY_POLICY, providers: [used] as const }
    const { end } = await deliver(tools, mailId)
    return end
  }

  return {
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
