import * as v from 'valibot'
import { type ProviderName, providerNames } from '../core/mail/provider-names.ts'
import { type Environment, readConfig, text, url, wholeNumber } from '../core/process/config.ts'
import { providers } from './providers/create-mailer.ts'

const SENDER = /^(?:[^\r\n<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/
const AWS_KEY = /^[\x21-\x39\x3b-\x7e]+:[\x21-\x39\x3b-\x7e]+(?::[\x21-\x7e]+)?$/

const sender = v.regex(SENDER, 'must be a sender such as Latchkey <codes@example.com>')
const visible = v.regex(/^[\x21-\x7e]+$/, 'must be visible ASCII without spaces')
const awsKey = v.regex(AWS_KEY, 'must be ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN], or not set')
const regionName = v.regex(/^[a-z0-9-]{1,40}$/, 'must be a region such as eu-central-1')
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
    MAIL_FALLBACK_PROVIDER: v.optional(provider),
    MAIL_FALLBACK_URL: v.optional(url('http:', 'https:')),
    MAIL_FALLBACK_API_KEY: fallback === undefined ? v.optional(v.string()) : apiKeyOf(fallback),
    MAIL_FALLBACK_FROM: v.optional(v.pipe(v.string(), sender)),
    MAIL_FALLBACK_DOMAIN: v.optional(v.pipe(v.string(), domainName)),
    MAIL_FALLBACK_REGION: fallback === undefined ? v.optional(v.string()) : regionOf(fallback),
    MAIL_FALLBACK_RATE_PER_SECOND: perSecond,
  }
}

/** Which provider is named, before all is read; a value that cannot be read is complained about later. */
const peek = (environment: Environment, name: string): string | undefined => {
  try {
    return readConfig({ [name]: v.optional(v.string()) }, environment)[name]
  } catch {
    return undefined
  }
}

const apiKeyOf = (name: string) => {
  if (name === 'ses') return v.optional(v.pipe(v.string(), awsKey))
  if (name === 'mailpit') return v.optional(v.pipe(v.string(), visible))
  return v.pipe(text(), visible)
}

const regionOf = (name: string) => {
  if (name === 'ses') return v.pipe(text('must be set: the region of SES'), regionName)
  return name === 'mailgun' ? v.optional(v.picklist(['us', 'eu'], 'must be us or eu')) : v.optional(v.string())
}

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
