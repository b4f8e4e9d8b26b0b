import * as v from 'valibot'
import { budgets, type Environment, readConfig, wholeNumber } from '../core/process/config.ts'
import {
  codeSettings,
  coreSettings,
  egressSettings,
  listenSettings,
  proxySettings,
  textSettings,
  tracingSettings,
} from '../core/process/settings.ts'
import { eventSettings } from './provider-events.ts'

const PER_NET = '20/1h,60/24h'

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
      ...eventSettings(environment),
      ...textSettings,
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
