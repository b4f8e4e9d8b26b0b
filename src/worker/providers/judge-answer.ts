import { MailerUnavailable, MailRefused } from '../../core/mail/mailer.ts'
import type { Meaning, Provider, ProviderResponse } from '../../core/mail/providers/provider.ts'
import type { ProviderName } from '../../core/mail/providers/providers.ts'
import { MAX_FOR_EVERYBODY_MS, readRetryAfter } from './retry-after.ts'

/**
 * What a provider's answer means for the mail: gives the provider's id when it has taken it, throws `MailRefused` or
 * `MailerUnavailable` else. The documented code decides, the status only where there is none; what is not known is never final.
 */
export const judgeAnswer = (
  name: ProviderName,
  provider: Provider,
  answer: ProviderResponse,
): { providerId: string | null } => {
  const isSuccess = answer.status >= 200 && answer.status < 300
  const id = isSuccess ? provider.readId(answer) : undefined
  if (id !== undefined) return { providerId: id }
  const code = provider.readCode(answer)
  const documented = code !== undefined && Object.hasOwn(provider.meanings, code) ? provider.meanings[code] : undefined
  if (isSuccess && !documented) throw new MailerUnavailable(`${name}-answer-unreadable`, { isClearNo: false })
  const [word, meaning] = documented ?? [null, meaningOf(answer.status)]
  if (meaning === 'taken') return { providerId: null }
  const number = code !== undefined && documented && /^\d+$/.test(code) ? code : answer.status
  throw troubleOf(`${name}-${number}${word === null ? '' : ` ${word}`}`, meaning, answer)
}

const troubleOf = (
  message: string,
  meaning: Exclude<Meaning, 'taken'>,
  answer: ProviderResponse,
): MailRefused | MailerUnavailable => {
  if (meaning === 'this-mail') return new MailRefused(message)
  if (meaning === 'this-address') return new MailRefused(message, { isAboutAddress: true })
  const askedMs = readRetryAfter(answer.headers['retry-after']) ?? readReset(answer)
  // Too Many Requests is about all mails; so is a Service Unavailable that names a time.
  const isForEverybody = answer.status === 429 || (answer.status === 503 && askedMs !== null)
  const retryAfterMs = askedMs !== null && isForEverybody ? Math.min(askedMs, MAX_FOR_EVERYBODY_MS) : askedMs
  return new MailerUnavailable(message, {
    isClearNo: meaning !== 'silence',
    isAboutUs: meaning === 'us',
    isKeyUnusable: meaning === 'key-unusable',
    retryAfterMs,
    isForEverybody,
  })
}

/** Of an answer whose code is not documented, or that has none. A gateway's 5xx may come after the provider took the mail. */
const meaningOf = (status: number): Meaning => {
  if (status === 408 || status === 425 || status === 429 || status === 503) return 'wait'
  if (status >= 500) return 'silence'
  return status >= 400 ? 'us' : 'wait'
}

/** The second at which the provider's window begins anew (SendGrid: `X-RateLimit-Reset`); told with a 429 only. */
const readReset = ({ status, headers }: ProviderResponse, now = Date.now()): number | null => {
  const field = headers['x-ratelimit-reset']
  if (status !== 429 || typeof field !== 'string' || !/^\d{9,11}$/.test(field)) return null
  return readRetryAfter(String(Math.max(0, Math.ceil(Number(field) - now / 1000))))
}
