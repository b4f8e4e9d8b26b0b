import { type Mailer, MailerUnavailable, MailRefused, type OutgoingMail } from '../../../../src/core/mail/mailer.ts'
import type { TestDatabase } from '../../../support/database.ts'
import { codeIn } from '../../../support/mail-provider.ts'
import { MOODS, type Mood } from '../model.ts'
import { moveBack } from './clock.ts'
import type { Script } from './http-script.ts'

/** What it was asked to bring: a code of so many digits, or a notice. */
export type Sent = { to: string; brings: number | 'notice' }
export type Provider = ReturnType<typeof createProvider>

/** Stands in for a provider, which does with mails what its mood is. */
export const createProvider = (database: TestDatabase, script: Script) => {
  const keys = createKeys()
  const codes = new Map<string, string[]>()
  const ids = new Map<string, string>()

  const take = async (mailId: string, to: string, code: string): Promise<string> => {
    const owners = await database.pool.query<{ id: string }>('select user_id as id from mails where id = $1', [mailId])
    for (const { id } of code === '' ? [] : owners.rows) codes.set(id, [...(codes.get(id) ?? []), code])
    if (code !== '') script.taken(to, code)
    ids.set(mailId, `of ${mailId}`)
    return `of ${mailId}`
  }

  return {
    /** The codes that a person has read, the oldest first. */
    readBy: (userId: string): string[] => codes.get(userId) ?? [],
    /** The id that it gave a mail which it took. */
    idOf: (mailId: string): string => ids.get(mailId) ?? '',

    /** Notes in `sent` what it is asked for. */
    mailer: (mailId: string, mood: Mood, sent: Sent[]): Mailer => ({
      provider: 'resend',
      send: async (mail, { idempotencyKey }) => {
        const code = codeIn(mail)
        sent.push({ to: mail.to, brings: code === '' ? 'notice' : code.length })
        keys.use(idempotencyKey, mail, mood)
        if (MOODS[mood].takes > 0) await moveBack(database, MOODS[mood].takes)
        const failure = failureOf(mood)
        if (failure && !MOODS[mood].arrives) throw failure
        const providerId = await take(mailId, mail.to, code)
        if (failure) throw failure
        return { providerId }
      },
      close: async () => {},
    }),
  }
}

/** Watches that a key goes with the same bytes, and not with those that were refused. */
const createKeys = () => {
  const bytes = new Map<string, string>()
  const refused = new Set<string>()
  return {
    use: (key: string, mail: OutgoingMail, mood: Mood): void => {
      const same = JSON.stringify(mail)
      if ((bytes.get(key) ?? same) !== same) throw new Error('other bytes left under one key')
      bytes.set(key, same)
      if (refused.has(key)) throw new Error('a key was used again that a provider answers as before')
      if (mood === 'refuses') refused.add(key)
    },
  }
}

/** What it answers in this mood; null when it takes the mail. */
export const failureOf = (mood: Mood): MailRefused | MailerUnavailable | null => {
  const { arrives, state, asks } = MOODS[mood]
  if (state === 'accepted') return null
  if (state === 'refused') return new MailRefused('provider-422', { isAboutAddress: true })
  if (arrives) return new MailerUnavailable('provider-silent', { isClearNo: false })
  return new MailerUnavailable('provider-503', { isClearNo: true, retryAfterMs: asks > 0 ? asks * 1000 : null })
}
