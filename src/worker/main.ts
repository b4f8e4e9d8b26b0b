import type { Queue } from 'bullmq'
import type { Hono } from 'hono'
import { createKeyring } from '../core/credentials/keyring.ts'
import { openMailTexts } from '../core/mail/writing/mail-texts.ts'
import { createPool, type Pool } from '../core/postgres/pool.ts'
import { startHttpServer } from '../core/process/http/http-server.ts'
import { createOpsApp } from '../core/process/http/ops-app.ts'
import { warnOfUnknownNames } from '../core/process/known-names.ts'
import { createLifecycle, run } from '../core/process/lifecycle.ts'
import { createLogger, type Logger } from '../core/process/logger.ts'
import { requireTables } from '../core/process/require-tables.ts'
import { codePolicyOf, directUrlOf, isPooled, listeningOf, textSettingsOf } from '../core/process/settings.ts'
import { addCommonReadings } from '../core/process/telemetry/common-readings.ts'
import { createRegistry } from '../core/process/telemetry/registry.ts'
import { startTracing } from '../core/process/telemetry/start-tracing.ts'
import { createGuessSurge } from '../core/registration/guess-surge.ts'
import { readWorkerConfig, type WorkerConfig } from './config.ts'
import { startDelivery } from './delivery/delivery.ts'
import { startHousekeeping } from './delivery/housekeeping.ts'
import { MAILS } from './delivery/mail-kind.ts'
import { openMailProviders } from './delivery/open-mail-providers.ts'
import { reviveMails } from './delivery/revive-mails.ts'
import { createDashboard, DASHBOARD_PATH } from './operators/dashboard.ts'
import { addHousekeepingReadings, addQueueReadings, createWorkerMetrics } from './operators/metrics.ts'
import { checkWorker, type WorkerParts } from './operators/readiness.ts'
import { openQueueBackend } from './queue/backends/open-queue-backend.ts'
import type { QueueBackend } from './queue/queue-backend.ts'
import { openQueueTelemetry } from './queue/queue-telemetry.ts'

// A statement takes well under a millisecond, so a few connections serve many mails at once: several workers fit PostgreSQL's 100.
const DATABASE_CONNECTIONS = 8
const QUEUE_CONNECTIONS = 4

const main = async (): Promise<void> => {
  const config = readWorkerConfig(process.env)
  const logger = createLogger(config.LOG_LEVEL, 'worker')
  warnOfUnknownNames(process.env, logger)
  const { onStop, stopping } = createLifecycle(logger)
  const tracing = await startTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, 'latchkey-worker', logger)
  onStop('traces', () => tracing?.close())

  const pool = openPool(config, logger)
  onStop('PostgreSQL pool', () => pool.end())
  const registry = createRegistry()
  const metrics = createWorkerMetrics(registry)

  // Health answers from the start; the dashboard as soon as there is a queue to show.
  const parts: WorkerParts = { pool, backend: null, delivering: null }
  let dashboard: Hono | null = null
  const readiness = () => checkWorker(parts)
  addCommonReadings(registry, { pool, pools: () => [pool, ...(parts.backend?.pools ?? [])], readiness })
  const ops = createOpsApp(readiness, registry)
  ops.all(`${DASHBOARD_PATH}/*`, (c) => dashboard?.fetch(c.req.raw, c.env) ?? c.notFound())
  const server = await startHttpServer(ops, { ...listeningOf(config), port: config.OPS_PORT })
  onStop('operators HTTP', () => server.close())

  const [rules, mail] = [rulesOf(config, logger), openMailProviders(config, { pool, metrics })]
  onStop('mail providers', mail.close)
  await requireTables(pool, { logger, signal: stopping })
  const backend = await openBackend(config, pool, logger, stopping)
  parts.backend = backend
  onStop('queue', () => backend.close())

  const jobs: { close(): Promise<void> }[] = []
  onStop('jobs', () => Promise.all(jobs.map((job) => job.close())))
  const tools = { pool, backend, metrics, ...rules, providers: mail.providers }
  const delivering = await startDelivery(tools, {
    databaseUrl: directUrlOf(config),
    concurrency: config.MAIL_CONCURRENCY,
    ratePerSecond: config.MAIL_RATE_PER_SECOND,
    telemetry: tracing ? await openQueueTelemetry() : undefined,
  })
  jobs.push(delivering)
  parts.delivering = delivering
  addQueueReadings(registry, delivering.queue, mail.providers)
  const housekeeping = await startHousekeeping(backend, pool, logger)
  jobs.push(housekeeping)
  addHousekeepingReadings(registry, housekeeping)

  dashboard = openDashboard(config, [delivering.queue, housekeeping.queue], { pool, logger })
  logger.info({ opsPort: server.port, queue: backend.name, mailer: config.MAIL_PROVIDER }, 'worker running')
}

const openPool = (config: WorkerConfig, logger: Logger): Pool =>
  createPool(config.DATABASE_URL, {
    max: DATABASE_CONNECTIONS,
    name: 'latchkey-worker',
    logger,
    schema: config.DATABASE_SCHEMA,
    isPooled: isPooled(config),
  })

const openBackend = (config: WorkerConfig, pool: Pool, logger: Logger, signal: AbortSignal): Promise<QueueBackend> =>
  openQueueBackend({
    redisUrl: config.REDIS_URL,
    databaseUrl: directUrlOf(config),
    connections: QUEUE_CONNECTIONS,
    schema: config.DATABASE_SCHEMA,
    prefix: config.QUEUE_PREFIX,
    outages: pool.outages,
    logger,
    signal,
  })

const openDashboard = (
  config: WorkerConfig,
  queues: Queue[],
  { pool, logger }: { pool: Pool; logger: Logger },
): Hono | null => {
  if (config.OPS_USER !== undefined && config.OPS_PASSWORD !== undefined) {
    const operator = { username: config.OPS_USER, password: config.OPS_PASSWORD }
    const revivals = { [MAILS.queue]: reviveMails(pool) }
    return createDashboard(queues, { operator, trustedProxies: config.TRUSTED_PROXIES, logger, revivals })
  }
  logger.warn('the dashboard is off: set OPS_USER and OPS_PASSWORD to have it')
  return null
}

const rulesOf = (config: WorkerConfig, logger: Logger) => ({
  logger,
  surge: createGuessSurge(logger),
  keyring: createKeyring(config.SECRET_KEY),
  policy: codePolicyOf(config),
  texts: openMailTexts(textSettingsOf(config), logger),
  delivery: { timeoutMs: config.MAIL_TIMEOUT_MS, giveUpAfterSeconds: config.MAIL_GIVE_UP_AFTER },
})

await run(main)
