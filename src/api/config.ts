import * as v from 'valibot'
import { budgets, type Environment, readConfig, wholeNumber } from '../core/process/config.ts'
import {
  codeSettings,
  coreSettings,
  egressSettings,
  eventSettings,
  listenSettings,
  proxySettings,
  textSettings,
  tracingSettings,
} from '../core/process/settings.ts'
import { reportSettings } from './provider-events.ts'

const PER_NET = '20/1h,60/24h'

// What a URL's host may hold besides, such as an asterisk, is meant for more than one origin.
const isOrigin = (value: string): boolean =>
  URL.parse(value)?.origin === value && /^https?:\/\/[a-z0-9._:[\]-]+$/.test(value)

const origins = v.pipe(
  v.string(),
  v.transform((list) => (list === '' ? [] : list.split(',').map((origin) => origin.trim()))),
  v.check(
    (list) => list.every(isOrigin),
    'must be a comma-separated list of exact origins such as https://app.example.com, as browsers send them',
  ),
)

/** Reads the api's configuration; throws `ConfigError`. */
export const readApiConfig = (environment: Environment) =>
  readConfig(
    {
      ...coreSettings,
      ...codeSettings,
      ...listenSettings(3001),
      ...tracingSettings,
      ...proxySettings,
      ...egressSettings,
      ...reportSettings(environment),
      ...eventSettings,
      ...textSettings,
      CORS_ORIGINS: v.optional(origins, ''),
      PORT: v.optional(wholeNumber(0, 65_535), '3000'),
      RESEND_COOLDOWN_SECONDS: v.optional(wholeNumber(0, 86_400), '30'),
      BCRYPT_COST: v.optional(wholeNumber(4, 15), '12'),
      PASSWORD_MIN_LENGTH: v.optional(wholeNumber(1, 256), '8'),
      LIMIT_REGISTRATIONS_PER_NET: v.optional(budgets, PER_NET),
      LIMIT_WRONG_CODES_PER_NET: v.optional(budgets, PER_NET),
      LIMIT_MAILS_PER_MAILBOX: v.optional(budgets, '8/1h,16/24h'),
      LIMIT_FAILED_LOGINS_PER_USER: v.optional(budgets, '10/1h'),
      LIMIT_FAILED_LOGINS_PER_NET: v.optional(budgets, '60/1h'),
    },
    environment,
  )

export type ApiConfig = ReturnType<typeof readApiConfig>
