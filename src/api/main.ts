import { availableParallelism } from 'node:os'
import { createKeyring } from '../core/credentials/keyring.ts'
import { createPasswordHasher } from '../core/credentials/password.ts'
import { createVerifiedCredentials } from '../core/credentials/verified-credentials.ts'
import { openMailTexts } from '../core/mail/writing/mail-texts.ts'
import { createPool, type Pool } from '../core/postgres/pool.ts'
import type { Environment } from '../core/process/config.ts'
import { type HttpApp, startHttpServer } from '../core/process/http/http-server.ts'
import { createOpsApp } from '../core/process/http/ops-app.ts'
import { checkDatabase } from '../core/process/http/readiness.ts'
import { warnOfUnknownNames } from '../core/process/known-names.ts'
import { type Begin, begin, run } from '../core/process/lifecycle.ts'
import type { Logger } from '../core/process/logger.ts'
import { requireTables } from '../core/process/require-tables.ts'
import { codePolicyOf, isPooled, listeningOf, textSettingsOf } from '../core/process/settings.ts'
import { addCommonReadings } from '../core/process/telemetry/common-readings.ts'
import { createRegistry } from '../core/process/telemetry/registry.ts'
import { startTracing } from '../core/process/telemetry/start-tracing.ts'
import { createGuessSurge } from '../core/registration/guess-surge.ts'
import { createApp } from './app.ts'
import { type ApiConfig, readApiConfig } from './config.ts'
import { budgetsOf, createLimits } from './limits/limits.ts'
import { addSurgeReading, createApiMetrics } from './metrics.ts'
import { openProviderEvents } from './provider-events.ts'
import { answerUnreadable } from './request/unreadable.ts'
import { watchHasher } from './watch-hasher.ts'

const MAX_CONNECTIONS = 20
// libuv has four threads unless told otherwise: hashing gets one for each core, and files and DNS keep theirs.
const IO_THREADS = 4

/** The whole api; resolves when it serves. */
export const startApi = async (environment: Environment, begin: Begin): Promise<void> => {
  const config = readApiConfig(environment)
  const { logger, onStop, stopping } = begin(config.LOG_LEVEL, 'api')
  warnOfUnknownNames(environment, logger)
  const tracing = await startTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, 'latchkey-api', logger)
  onStop('traces', () => tracing?.close())

  const pool = openPool(config, logger)
  onStop('PostgreSQL pool', () => pool.end())
  const registry = createRegistry()
  const providerEvents = openProviderEvents(config)
  const metrics = createApiMetrics(registry, providerEvents.names)
  const readiness = () => checkDatabase(pool)
  addCommonReadings(registry, { pool, pools: () => [pool], readiness })

  const surge = createGuessSurge(logger)
  addSurgeReading(registry, () => surge.isOn(pool))

  const keyring = createKeyring(config.SECRET_KEY)
  const app = createApp({
    ...{ pool, keyring, surge, readiness, metrics, providerEvents, logger },
    hasher: watchHasher(await createPasswordHasher(config.BCRYPT_COST), metrics, registry),
    verified: createVerifiedCredentials(),
    policy: { ...codePolicyOf(config), resendCooldownSeconds: config.RESEND_COOLDOWN_SECONDS },
    limits: createLimits({ keyring, budgets: budgetsOf(config) }),
    passwordMinLength: config.PASSWORD_MIN_LENGTH,
    languages: openMailTexts(textSettingsOf(config), logger).languages,
    serviceName: config.SERVICE_NAME,
    corsOrigins: config.CORS_ORIGINS,
    raisesEvents: config.WEBHOOK_URL !== undefined,
    trustedProxies: config.TRUSTED_PROXIES,
  })
  const listen = listenWith(listeningOf(config))
  const server = await listen({ fetch: app.fetch, onUnreadable: answerUnreadable }, config.PORT)
  // Last: ready means that the public port answers too.
  const ops = await listen(createOpsApp(readiness, registry), config.OPS_PORT)
  onStop('operators HTTP', () => ops.close())
  onStop('public HTTP', () => server.close())
  logger.info({ port: server.port, opsPort: ops.port }, 'api listening')
  await requireTables(pool, { logger, signal: stopping })
}

const openPool = (config: ApiConfig, logger: Logger): Pool =>
  createPool(config.DATABASE_URL, {
    max: MAX_CONNECTIONS,
    name: 'latchkey-api',
    logger,
    schema: config.DATABASE_SCHEMA,
    isPooled: isPooled(config),
  })

const listenWith = (listening: ReturnType<typeof listeningOf>) => (app: HttpApp, port: number) =>
  startHttpServer(app, { ...listening, port })

if (import.meta.main) {
  process.env.UV_THREADPOOL_SIZE ??= String(availableParallelism() + IO_THREADS)
  await run(() => startApi(process.env, begin))
}
