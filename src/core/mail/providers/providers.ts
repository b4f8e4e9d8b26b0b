import { brevo } from './brevo.ts'
import { mailgun } from './mailgun.ts'
import { mailpit } from './mailpit.ts'
import { postmark } from './postmark.ts'
import type { Provider } from './provider.ts'
import { resend } from './resend.ts'
import { sendgrid } from './sendgrid.ts'
import { ses } from './ses.ts'

/** The mail providers that are spoken here; api, worker, sandbox and tests take each from its line in this table. */
export const providers = { resend, postmark, sendgrid, mailgun, ses, brevo, mailpit } satisfies Record<string, Provider>

export type ProviderName = keyof typeof providers

const isProviderName = (name: string): name is ProviderName => Object.hasOwn(providers, name)

export const providerNames = Object.keys(providers).filter(isProviderName)

export const findProvider = (name: string | undefined): Provider | undefined =>
  name !== undefined && isProviderName(name) ? providers[name] : undefined
