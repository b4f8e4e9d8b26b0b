import * as v from 'valibot'
import { duration, type Environment, readConfig, text, wholeNumber } from '../core/process/config.ts'
import {
  areDistinct,
  codeSettings,
  coreSettings,
  egressSettings,
  eventSettings,
  listenSettings,
  proxySettings,
  textSettings,
  tracingSettings,
} from '../core/process/settings.ts'
import { isEventSecret } from './events/receiver.ts'
import { mailSettings, withProviders } from './mail-settings.ts'
import { readRedisUrl } from './queue/backends/redis-url.ts'

const prefix = v.pipe(
  v.string(),
  v.regex(/^[\w.-]{1,64}$/, 'must be at most 64 letters, digits, dots, hyphens and underscores'),
)

/** Where BullMQ keeps its jobs; `db/migrate.ts` reads it too. */
export const queueSettings = {
  QUEUE_PREFIX: v.optional(prefix, 'bull'),
  REDIS_URL: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (value) => readRedisUrl(value) !== null,
        'must be redis://host:6379, redis+sentinel://host:26379,host:26379/master-name or redis+cluster://host:6379,host:6379 (rediss for TLS)',
      ),
    ),
  ),
}

// The size of a key as Standard Webhooks have it.
const eventSecrets = v.pipe(
  v.string('must be set too, as WEBHOOK_URL is'),
  v.transform((list) => list.split(',').map((secret) => secret.trim())),
  v.check(
    (secrets) => secrets.every(isEventSecret),
    'must be whsec_ and 24 to 64 bytes in base64 in each of its comma-separated keys',
  ),
  v.check(areDistinct, 'must not hold the same key twice'),
)

const noColon = v.regex(/^[^:]+$/, 'must not contain a colon')

/** Reads the worker's configuration; throws `ConfigError`. */
export const readWorkerConfig = (environment: Environment) => {
  const isGiven = (name: string) => Boolean(environment[name] || environment[`${name}_FILE`])
  const config = readConfig(
    {
      ...coreSettings,
      ...codeSettings,
      ...textSettings,
      ...queueSettings,
      ...listenSettings(3002),
      ...tracingSettings,
      ...proxySettings,
      OPS_USER: isGiven('OPS_PASSWORD')
        ? v.pipe(text('must be set too, as OPS_PASSWORD is'), noColon)
        : v.optional(v.pipe(v.string(), noColon)),
      OPS_PASSWORD: isGiven('OPS_USER') ? text('must be set too, as OPS_USER is') : v.optional(v.string()),
      ...mailSettings(environment),
      ...egressSettings,
      ...eventSettings,
      WEBHOOK_SECRET: isGiven('WEBHOOK_URL') ? eventSecrets : v.optional(eventSecrets),
      WEBHOOK_GIVE_UP_AFTER: v.optional(duration, '3d'),
      MAIL_TIMEOUT_MS: v.optional(wholeNumber(100, 60_000), '10000'),
      MAIL_CONCURRENCY: v.optional(wholeNumber(1, 1000), '50'),
      MAIL_GIVE_UP_AFTER: v.optional(duration, '1h'),
    },
    environment,
  )
  return withProviders(config)
}

export type WorkerConfig = ReturnType<typeof readWorkerConfig>
