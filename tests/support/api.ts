import type { Hono } from 'hono'
import { createApp } from '../../src/api/app.ts'
import { readApiConfig } from '../../src/api/config.ts'
import type { ApiEnv, ApiTools } from '../../src/api/context.ts'
import { budgetsOf, createLimits } from '../../src/api/limits/limits.ts'
import { createApiMetrics } from '../../src/api/metrics.ts'
import { openProviderEvents } from '../../src/api/provider-events.ts'
import { createKeyring } from '../../src/core/credentials/keyring.ts'
import { createPasswordHasher } from '../../src/core/credentials/password.ts'
import { createVerifiedCredentials } from '../../src/core/credentials/verified-credentials.ts'
import type { Languages } from '../../src/core/mail/writing/languages.ts'
import { createMailTexts, type TextSettings } from '../../src/core/mail/writing/mail-texts.ts'
import { checkDatabase } from '../../src/core/process/http/readiness.ts'
import type { Logger } from '../../src/core/process/logger.ts'
import { codePolicyOf, textSettingsOf } from '../../src/core/process/settings.ts'
import { createRegistry } from '../../src/core/process/telemetry/registry.ts'
import { createGuessSurge } from '../../src/core/registration/guess-surge.ts'
import { silent, type TestDatabase } from './database.ts'
import { SECRET_KEY } from './secret-key.ts'

/** Limits off and hashing quick; a test that is about them sets its own. */
export const QUICK = {
  SECRET_KEY,
  BCRYPT_COST: '4',
  LIMIT_REGISTRATIONS_PER_NET: 'off',
  LIMIT_WRONG_CODES_PER_NET: 'off',
  LIMIT_MAILS_PER_MAILBOX: 'off',
  LIMIT_FAILED_LOGINS_PER_USER: 'off',
  LIMIT_FAILED_LOGINS_PER_NET: 'off',
}

/** The public API on this database, wired as `src/api/main.ts` does it, for `app.request()`. */
export const createTestApi = async (
  database: TestDatabase,
  environment: Record<string, string> = {},
  logger: Logger = silent,
): Promise<Hono<ApiEnv>> => createApp(await createTestTools(database, environment, logger))

export const createTestTools = async (
  database: TestDatabase,
  environment: Record<string, string> = {},
  logger: Logger = silent,
): Promise<ApiTools> => {
  const config = readApiConfig({ ...QUICK, DATABASE_URL: database.url, ...environment })
  const { pool } = database
  const keyring = createKeyring(config.SECRET_KEY)
  return {
    pool,
    keyring,
    logger,
    surge: createGuessSurge(logger),
    raisesEvents: config.WEBHOOK_URL !== undefined,
    hasher: await createPasswordHasher(config.BCRYPT_COST),
    verified: createVerifiedCredentials(),
    policy: { ...codePolicyOf(config), resendCooldownSeconds: config.RESEND_COOLDOWN_SECONDS },
    limits: createLimits({ keyring, budgets: budgetsOf(config) }),
    passwordMinLength: config.PASSWORD_MIN_LENGTH,
    languages: languagesOf(textSettingsOf(config)),
    serviceName: config.SERVICE_NAME,
    corsOrigins: config.CORS_ORIGINS,
    trustedProxies: config.TRUSTED_PROXIES,
    readiness: () => checkDatabase(pool),
    metrics: createApiMetrics(createRegistry()),
    providerEvents: openProviderEvents(config),
  }
}

/** Kept: to read and try all texts takes ten times as long as all else that an API is made of. */
const kept = new Map<string, Languages>()

const languagesOf = (settings: TextSettings): Languages => {
  const key = JSON.stringify(settings)
  const languages = kept.get(key) ?? createMailTexts(settings).languages
  // A folder may have other texts by the next time.
  if (settings.folder === undefined) kept.set(key, languages)
  return languages
}

export const PASSWORD = 'correct horse battery'

export const basic = (email: string, password = PASSWORD): string =>
  `Basic ${Buffer.from(`${email}:${password}`).toString('base64')}`

/** A POST with a JSON body. */
export const post = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
