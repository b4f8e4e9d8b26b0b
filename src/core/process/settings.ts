import { isIP } from 'node:net'
import * as v from 'valibot'
import { runsOfDigits } from '../mail/writing/check-template.ts'
import { isLanguageTag } from '../mail/writing/languages.ts'
import { findUrlFault } from '../postgres/connection/connection-string.ts'
import { withSession } from '../postgres/connection/session.ts'
import { type Budget, budgets, text, url, wholeNumber } from './config.ts'
import { parseNetwork } from './http/client-network.ts'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const MIN_SECRET_LENGTH = 32
const GUESSES_KEPT_SECONDS = 365 * 86_400

const databaseUrl = v.pipe(
  v.string('must be set'),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = dataset.typed ? findUrlFault(dataset.value) : null
    if (fault !== null) addIssue({ message: fault })
  }),
)

// BullMQ's schema has the same name and more behind it, and PostgreSQL keeps 63 letters of a name.
const schemaName = v.pipe(
  v.string(),
  v.regex(/^[a-z_][a-z0-9_]{0,55}$/, 'must be a name of at most 56 lower-case letters, digits and underscores'),
  v.check(
    (name) => !/^(?:pg_|information_schema$)|^(?:.*_)?bullmq$/.test(name),
    'must be none of the names that PostgreSQL and BullMQ have for themselves',
  ),
)

/** The variables that every process reads. */
export const coreSettings = {
  DATABASE_URL: databaseUrl,
  DATABASE_DIRECT_URL: v.optional(databaseUrl),
  DATABASE_SCHEMA: v.optional(schemaName, 'public'),
  LOG_LEVEL: v.optional(v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`), 'info'),
}

/** Where a process sends its traces; nothing is traced without it. */
export const tracingSettings = { OTEL_EXPORTER_OTLP_ENDPOINT: v.optional(url('http:', 'https:')) }

/** Of two equal keys in a list one was meant to be another. */
export const areDistinct = (keys: string[]): boolean => new Set(keys).size === keys.length

/** The variables behind codes: the api and the worker must be given the same values. */
export const codeSettings = {
  SECRET_KEY: v.pipe(
    text(),
    v.transform((list) => list.split(',').map((key) => key.trim())),
    v.check(
      (keys) => keys.every((key) => key.length >= MIN_SECRET_LENGTH),
      `must have ${MIN_SECRET_LENGTH} characters or more in each of its comma-separated keys`,
    ),
    v.check(areDistinct, 'must not hold the same key twice'),
  ),
  CODE_TTL_SECONDS: v.optional(wholeNumber(1, 86_400), '60'),
  CODE_ATTEMPTS: v.optional(wholeNumber(1, 100), '3'),
  LIMIT_GUESSES_PER_MAILBOX: v.optional(
    v.pipe(
      budgets,
      v.check(
        (list) => list.every(({ seconds }) => seconds <= GUESSES_KEPT_SECONDS),
        'must have windows of 365d at most: older guesses are forgotten',
      ),
    ),
    '9/24h,90/365d',
  ),
}

/** The variables behind the texts of mails and pages: the api and the worker must be given the same values. */
export const textSettings = {
  SERVICE_NAME: v.optional(
    v.pipe(
      text(),
      v.maxLength(64, 'must have at most 64 characters'),
      v.regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'must be one line'),
      v.check(
        (name) => runsOfDigits(name).length === 0,
        'must not hold 4 or 8 digits in a row, which look like a code',
      ),
    ),
    'Latchkey',
  ),
  MAIL_TEMPLATES: v.optional(v.string()),
  DEFAULT_LOCALE: v.optional(
    v.pipe(v.string(), v.check(isLanguageTag, 'must be a language tag of BCP 47 such as pt-BR')),
    'en',
  ),
}

// What has but digits and dots is meant for an address.
const isHost = (value: string): boolean => isIP(value) > 0 || (/^[\w.-]+$/.test(value) && !/^[\d.]+$/.test(value))

/** The variables of a process that listens. */
export const listenSettings = (opsPort: number) => ({
  HOST: v.optional(v.pipe(text(), v.check(isHost, 'must be an IP address or a host name'))),
  OPS_PORT: v.optional(wholeNumber(0, 65_535), String(opsPort)),
  KEEP_ALIVE_SECONDS: v.optional(wholeNumber(1, 3600), '65'),
})

/** How a process listens, whatever the port. */
export const listeningOf = (config: { HOST?: string | undefined; KEEP_ALIVE_SECONDS: number }) => ({
  host: config.HOST,
  keepAliveSeconds: config.KEEP_ALIVE_SECONDS,
})

const networks = v.pipe(
  v.string(),
  v.transform((list) =>
    list
      .split(',')
      .filter((part) => part.trim() !== '')
      .map((part) => parseNetwork(part.trim())),
  ),
  v.check(
    (list) => list.every((network) => network !== null),
    'must be a comma-separated list of networks such as 10.0.0.0/8,fd00::/8',
  ),
  v.transform((list) => list.filter((network) => network !== null)),
)

/** Whose `X-Forwarded-For` tells where a request comes from. */
export const proxySettings = { TRUSTED_PROXIES: v.optional(networks, '') }

/** The proxy for calls to the outside, and the hosts that are called without it. */
export const egressSettings = {
  HTTPS_PROXY: v.optional(url('http:', 'https:')),
  NO_PROXY: v.optional(v.string()),
}

const isCredentialFree = (value: string): boolean => {
  const url = URL.parse(value)
  return !url?.username && !url?.password
}

/** Where events are told; what raises them reads it too, and raises none without it. */
export const eventSettings = {
  WEBHOOK_URL: v.optional(
    v.pipe(url('http:', 'https:'), v.check(isCredentialFree, 'must hold no credentials: events are signed')),
  ),
}

type DatabaseUrls = { DATABASE_URL: string; DATABASE_DIRECT_URL?: string | undefined; DATABASE_SCHEMA: string }

/**
 * The way to PostgreSQL for what needs a session of its own: LISTEN, migrations, BullMQ. No pooler may stand in it. It leads to
 * the tables in `DATABASE_SCHEMA`.
 */
export const directUrlOf = (config: DatabaseUrls): string =>
  withSession(config.DATABASE_DIRECT_URL ?? config.DATABASE_URL, config.DATABASE_SCHEMA)

/** Whether `DATABASE_URL` leads to a pooler, which gives each transaction to another session. */
export const isPooled = (config: Pick<DatabaseUrls, 'DATABASE_DIRECT_URL'>): boolean =>
  config.DATABASE_DIRECT_URL !== undefined

type TextConfig = v.InferOutput<v.ObjectSchema<typeof textSettings, undefined>> & { CODE_TTL_SECONDS: number }

/** What the texts of mails are written with. */
export const textSettingsOf = (config: TextConfig) => ({
  serviceName: config.SERVICE_NAME,
  defaultLocale: config.DEFAULT_LOCALE,
  folder: config.MAIL_TEMPLATES,
  ttlSeconds: config.CODE_TTL_SECONDS,
})

/** The rules of codes. Every time in it is in seconds. */
export type CodePolicy = {
  ttlSeconds: number
  maxAttempts: number
  guessBudgets: Budget[]
}

export const codePolicyOf = (config: v.InferOutput<v.ObjectSchema<typeof codeSettings, undefined>>): CodePolicy => ({
  ttlSeconds: config.CODE_TTL_SECONDS,
  maxAttempts: config.CODE_ATTEMPTS,
  guessBudgets: config.LIMIT_GUESSES_PER_MAILBOX,
})
