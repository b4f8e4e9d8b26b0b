import * as v from 'valibot'
import { visible } from '../core/mail/providers/provider.ts'
import { findProvider, type ProviderName, providerNames, providers } from '../core/mail/providers/providers.ts'
import { type Environment, readConfig, text, url, wholeNumber } from '../core/process/config.ts'

const SENDER = /^(?:[^\r\n<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/

const sender = v.regex(SENDER, 'must be a sender such as Latchkey <codes@example.com>')
const domainName = v.regex(/^[a-z0-9.-]{1,253}$/i, 'must be a domain such as mg.example.com')

const provider = v.picklist(providerNames, `must be one of ${providerNames.join(', ')}`)
const perSecond = v.optional(wholeNumber(1, 100_000))

/** The variables of the two mail providers. What the one that is named does not ask for need not be given. */
export const mailSettings = (environment: Environment) => {
  const fallback = peek(environment, 'MAIL_FALLBACK_PROVIDER')
  const first = peek(environment, 'MAIL_PROVIDER') ?? 'resend'
  return {
    MAIL_PROVIDER: v.optional(provider, 'resend'),
    MAIL_URL: v.optional(url('http:', 'https:')),
    MAIL_API_KEY: apiKeyOf(first),
    MAIL_FROM: v.pipe(text(), sender),
    MAIL_DOMAIN: v.optional(v.pipe(v.string(), domainName)),
    MAIL_REGION: regionOf(first),
    MAIL_RATE_PER_SECOND: perSecond,
    MAIL_FALLBACK_PROVIDER: fallbackProviderIn(environment),
    MAIL_FALLBACK_URL: v.optional(url('http:', 'https:')),
    MAIL_FALLBACK_API_KEY: fallback === undefined ? v.optional(v.string()) : apiKeyOf(fallback),
    MAIL_FALLBACK_FROM: v.optional(v.pipe(v.string(), sender)),
    MAIL_FALLBACK_DOMAIN: v.optional(v.pipe(v.string(), domainName)),
    MAIL_FALLBACK_REGION: fallback === undefined ? v.optional(v.string()) : regionOf(fallback),
    MAIL_FALLBACK_RATE_PER_SECOND: perSecond,
  }
}

/** Who gives its key or address means to have a second provider. */
const fallbackProviderIn = (environment: Environment) => {
  const given = ['MAIL_FALLBACK_API_KEY', 'MAIL_FALLBACK_URL'].find(
    (name) => environment[name] || environment[`${name}_FILE`],
  )
  return given === undefined ? v.optional(provider) : v.pipe(text(`must be set too, as ${given} is`), provider)
}

/** Which provider is named, before all is read; a value that cannot be read is complained about later. */
const peek = (environment: Environment, name: string): string | undefined => {
  try {
    return readConfig({ [name]: v.optional(v.string()) }, environment)[name]
  } catch {
    return undefined
  }
}

const apiKeyOf = (name: string) => findProvider(name)?.settings?.apiKey ?? v.pipe(text(), visible)

const regionOf = (name: string) => findProvider(name)?.settings?.region ?? v.optional(v.string())

type Given = {
  MAIL_PROVIDER: ProviderName
  MAIL_URL?: string | undefined
  MAIL_REGION?: string | undefined
  MAIL_FROM: string
  MAIL_FALLBACK_PROVIDER?: ProviderName | undefined
  MAIL_FALLBACK_URL?: string | undefined
  MAIL_FALLBACK_API_KEY?: string | undefined
  MAIL_FALLBACK_FROM?: string | undefined
  MAIL_FALLBACK_DOMAIN?: string | undefined
  MAIL_FALLBACK_REGION?: string | undefined
  MAIL_FALLBACK_RATE_PER_SECOND?: number | undefined
}

/** Where a provider takes mails, unless told, is its own affair. `fallback` is the second provider, null when there is none. */
export const withProviders = <Config extends Given>(config: Config) => ({
  ...config,
  MAIL_URL: config.MAIL_URL ?? providers[config.MAIL_PROVIDER].publicUrl(config.MAIL_REGION),
  fallback: fallbackOf(config),
})

const fallbackOf = (config: Given) => {
  const { MAIL_FALLBACK_PROVIDER: name, MAIL_FALLBACK_REGION: region } = config
  if (name === undefined) return null
  return {
    provider: name,
    url: config.MAIL_FALLBACK_URL ?? providers[name].publicUrl(region),
    apiKey: config.MAIL_FALLBACK_API_KEY,
    from: config.MAIL_FALLBACK_FROM ?? config.MAIL_FROM,
    domain: config.MAIL_FALLBACK_DOMAIN,
    region,
    ratePerSecond: config.MAIL_FALLBACK_RATE_PER_SECOND,
  }
}
