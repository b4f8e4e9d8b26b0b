import { MailerUnavailable, MailRefused } from '../../../src/core/mail/mailer.ts'
import type { Mood } from './model-provider.ts'
import { RULES } from './model-state.ts'

/** What a provider in this mood answers; null when it takes the mail. */
export const failureOf = (mood: Mood): MailRefused | MailerUnavailable | null => {
  if (mood === 'refuses') return new MailRefused('provider-422', { isAboutAddress: true })
  if (mood === 'silent') return new MailerUnavailable('provider-silent', { isClearNo: false })
  const retryAfterMs = mood === 'asks-to-wait' ? RULES.retryAfter * 1000 : null
  if (mood === 'busy' || retryAfterMs !== null)
    return new MailerUnavailable('provider-503', { isClearNo: true, retryAfterMs })
  return null
}
