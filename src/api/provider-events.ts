import * as v from 'valibot'
import { findProvider, type ProviderName, providerNames } from '../core/mail/providers/providers.ts'
import type { FetchText } from '../core/mail/providers/report.ts'
import { type Environment, text } from '../core/process/config.ts'
import type { Proxies } from '../core/process/http/egress.ts'
import { createTextFetcher } from '../core/process/http/fetch-text.ts'

/** Whose reports are taken, by which secrets; a provider may be there twice, with two accounts. */
export type ProviderEvents = { names: string[]; secretsOf(provider: string): string[]; fetchText: FetchText }

const provider = v.picklist(providerNames, `must be one of ${providerNames.join(', ')}`)
const secret = v.optional(v.string())

/** The variables behind the providers' reports. A secret needs its provider. */
export const reportSettings = (environment: Environment) => {
  const providerFor = (name: string, other: string) =>
    environment[name] || environment[`${name}_FILE`]
      ? v.pipe(text(`must be set too, as ${other} is`), provider)
      : v.optional(provider)
  return {
    MAIL_PROVIDER: providerFor('MAIL_EVENTS_SECRET', 'MAIL_EVENTS_SECRET'),
    MAIL_EVENTS_SECRET: secretFor(environment.MAIL_PROVIDER),
    MAIL_FALLBACK_PROVIDER: providerFor('MAIL_FALLBACK_EVENTS_SECRET', 'MAIL_FALLBACK_EVENTS_SECRET'),
    MAIL_FALLBACK_EVENTS_SECRET: secretFor(environment.MAIL_FALLBACK_PROVIDER),
  }
}

const secretFor = (name: string | undefined) => {
  const known = findProvider(name)
  if (!known) return secret
  if (!known.reports)
    return v.optional(
      v.pipe(
        v.string(),
        v.check(() => false, `must not be set: ${name} reports nothing`),
      ),
    )
  const isSecret = v.check(known.reports.isSecret, `must be a secret of ${name}: see docs/providers.md`)
  return v.optional(v.pipe(v.string(), isSecret))
}

type Given = {
  MAIL_PROVIDER?: ProviderName | undefined
  MAIL_EVENTS_SECRET?: string | undefined
  MAIL_FALLBACK_PROVIDER?: ProviderName | undefined
  MAIL_FALLBACK_EVENTS_SECRET?: string | undefined
}

export const openProviderEvents = (config: Given & Proxies): ProviderEvents => {
  const given = [
    { provider: config.MAIL_PROVIDER, secret: config.MAIL_EVENTS_SECRET },
    { provider: config.MAIL_FALLBACK_PROVIDER, secret: config.MAIL_FALLBACK_EVENTS_SECRET },
  ]
  const reporting = given.flatMap((one) =>
    one.provider && one.secret !== undefined ? [{ name: one.provider, secret: one.secret }] : [],
  )
  return {
    names: reporting.map(({ name }) => name),
    secretsOf: (provider) => reporting.filter(({ name }) => name === provider).map((one) => one.secret),
    fetchText: createTextFetcher(config),
  }
}
