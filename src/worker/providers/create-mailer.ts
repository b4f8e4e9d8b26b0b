import { type Mailer, MailerUnavailable, type OutgoingMail } from '../../core/mail/mailer.ts'
import type { ProviderRequest, ProviderSettings } from '../../core/mail/providers/provider.ts'
import { type ProviderName, providers } from '../../core/mail/providers/providers.ts'
import { readVersion } from '../../core/process/version.ts'
import { type ConnectionSettings, createHttpClient } from './http-client.ts'
import { judgeAnswer } from './judge-answer.ts'

export type MailerSettings = ProviderSettings & ConnectionSettings

/** The mailer of this provider. What it sends and how its answers are read is the provider's; the rest is the same for all. */
export const createMailer = (name: ProviderName, settings: MailerSettings): Mailer => {
  const provider = providers[name]
  const connected = provider.connect(settings)
  const write = async (mail: OutgoingMail, key: string): Promise<ProviderRequest> => {
    try {
      return await connected(mail, key)
    } catch (cause) {
      throw new MailerUnavailable(`${name}-credentials-missing`, { isClearNo: true, isAboutUs: true, cause })
    }
  }
  const client = createHttpClient(name, settings)
  const userAgent = `latchkey/${readVersion()}`
  return {
    provider: name,
    format: [name, settings.from, settings.domain].join(' '),
    send: async (mail, { idempotencyKey, signal }) => {
      const { path, headers, body } = await write(mail, idempotencyKey)
      const fields = { accept: 'application/json', 'user-agent': userAgent, ...headers }
      return judgeAnswer(name, provider, await client.post(path, fields, body, signal))
    },
    close: client.close,
  }
}
