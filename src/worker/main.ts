import type { Queue, Telemetry } from 'bullmq'
import type { Hono } from 'hono'
import { createKeyring } from '../core/credentials/keyring.ts'
import { openMailTexts } from '../core/mail/writing/mail-texts.ts'
import { createPool, type Pool } from '../core/postgres/pool.ts'
import type { Environment } from '../core/process/config.ts'
import { startHttpServer } from '../core/process/http/http-server.ts'
import { createOpsApp } from '../core/process/http/ops-app.ts'
import { warnOfUnknownNames } from '../core/process/known-names.ts'
import { type Begin, begin, run } from '../core/process/lifecycle.ts'
import type { Logger } from '../core/process/logger.ts'
import { requireTables } from '../core/process/require-tables.ts'
import { codePolicyOf, directUrlOf, isPooled, listeningOf, textSettingsOf } from '../core/process/settings.ts'
import { startInTurn } from '../core/process/start-in-turn.ts'
import { addCommonReadings } from '../core/process/telemetry/common-readings.ts'
import { createRegistry, type Registry } from '../core/process/telemetry/registry.ts'
import { startTracing } from '../core/process/telemetry/start-tracing.ts'
import { createGuessSurge } from '../core/registration/guess-surge.ts'
import { readWorkerConfig, type WorkerConfig } from './config.ts'
import { operatorRetryOfMails, startDelivery } from './delivery/delivery.ts'
import { startHousekeeping } from './delivery/housekeeping.ts'
import { MAILS } from './delivery/mail-kind.ts'
import { openMailProviders } from './delivery/open-mail-providers.ts'
import { EVENTS } from './events/event-kind.ts'
import {
  EVENT_CONCURRENCY,
  type EventsTools,
  operatorRetryOfEvents,
  startEvents,
  type Telling,
} from './events/events.ts'
import { openReceiver } from './events/receiver.ts'
import { createDashboard, DASHBOARD_PATH } from './operators/dashboard.ts'
import { addHousekeepingReadings, addQueueReadings, createWorkerMetrics } from './operators/metrics.ts'
import { checkWorker, type WorkerParts } from './operators/readiness.ts'
import { openQueueBackend } from './queue/backends/open-queue-backend.ts'
import type { QueueBackend } from './queue/queue-backend.ts'
import { openQueueTelemetry } from './queue/queue-telemetry.ts'

// A statement takes well under a millisecond, so a few connections serve many mails at once: several workers fit PostgreSQL's 100.
const DATABASE_CONNECTIONS = 8
const QUEUE_CONNECTIONS = 4

/** The whole worker; resolves when it works. */
export const startWorker = async (environment: Environment, begin: Begin): Promise<void> => {
  const config = readWorkerConfig(environment)
  const { logger, onStop, stopping } = begin(config.LOG_LEVEL, 'worker')
  warnOfUnknownNames(environment, logger)
  const tracing = await startTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, 'latchkey-worker', logger)
  onStop('traces', () => tracing?.close())

  const pool = openPool(config, logger)
  onStop('PostgreSQL pool', () => pool.end())
  const registry = createRegistry()
  const metrics = createWorkerMetrics(registry)

  // Health answers from the start; the dashboard as soon as there is a queue to show.
  const parts: WorkerParts = { pool, backend: null, delivering: null, events: null }
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

  const tools = { pool, backend, registry, metrics, ...rules, providers: mail.providers }
  const telemetry = tracing ? await openQueueTelemetry() : undefined
  const jobs = startInTurn(startJobs(config, tools, parts, telemetry))
  onStop('jobs', jobs.close)
  const running = await jobs.started
  if (stopping.aborted) return
  dashboard = openDashboard(
    config,
    running.map(({ queue }) => queue),
    { pool, logger },
  )
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

type RunningJobs = { queue: Queue; close(): Promise<void> }
type JobTools = Parameters<typeof startDelivery>[0] & { registry: Registry }

/** Mails, events if there is somebody to tell them to, and housekeeping, one after the other. */
async function* startJobs(
  config: WorkerConfig,
  tools: JobTools,
  parts: WorkerParts,
  telemetry: Telemetry | undefined,
): AsyncGenerator<RunningJobs> {
  const { pool, backend, registry, logger, providers } = tools
  const delivering = await startDelivery(tools, {
    databaseUrl: directUrlOf(config),
    concurrency: config.MAIL_CONCURRENCY,
    ratePerSecond: config.MAIL_RATE_PER_SECOND,
    telemetry,
  })
  parts.delivering = delivering
  addQueueReadings(registry, delivering.queue, providers)
  yield delivering
  parts.events = await openEvents(config, { pool, backend, registry, logger }, telemetry)
  if (parts.events) yield parts.events
  const housekeeping = await startHousekeeping({ backend, pool, logger, payloadSeconds: config.WEBHOOK_GIVE_UP_AFTER })
  addHousekeepingReadings(registry, housekeeping)
  yield housekeeping
}

/** Null when there is nobody to tell events to. */
const openEvents = async (
  config: WorkerConfig,
  tools: Omit<EventsTools, 'receiver'>,
  telemetry: Telemetry | undefined,
): Promise<Telling | null> => {
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secrets, WEBHOOK_GIVE_UP_AFTER: giveUpAfterSeconds } = config
  if (url === undefined) {
    if (secrets) tools.logger.warn('events are off: WEBHOOK_SECRET is set, WEBHOOK_URL is not')
    return null
  }
  const receiver = openReceiver({ url, secrets: secrets ?? [], connections: EVENT_CONCURRENCY, proxies: config })
  const telling = await startEvents(
    { ...tools, receiver },
    { databaseUrl: directUrlOf(config), giveUpAfterSeconds, telemetry },
  )
  return {
    ...telling,
    close: async () => {
      await telling.close()
      await receiver.close()
    },
  }
}

const openDashboard = (
  config: WorkerConfig,
  queues: Queue[],
  { pool, logger }: { pool: Pool; logger: Logger },
): Hono | null => {
  if (config.OPS_USER !== undefined && config.OPS_PASSWORD !== undefined) {
    const operator = { username: config.OPS_USER, password: config.OPS_PASSWORD }
    const operatorRetries = { [MAILS.queue]: operatorRetryOfMails(pool), [EVENTS.queue]: operatorRetryOfEvents(pool) }
    return createDashboard(queues, { operator, trustedProxies: config.TRUSTED_PROXIES, logger, operatorRetries })
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
  raisesEvents: config.WEBHOOK_URL !== undefined,
  delivery: { timeoutMs: config.MAIL_TIMEOUT_MS, giveUpAfterSeconds: config.MAIL_GIVE_UP_AFTER },
})

if (import.meta.main) await run(() => startWorker(process.env, begin))
