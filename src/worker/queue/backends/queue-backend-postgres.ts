import {
  assertSchemaCompatibility,
  type BackendFactory,
  createPostgresBackend,
  isPgPool,
  LATEST_SCHEMA_VERSION,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  Queue,
  SchemaMigrationRequiredError,
  SchemaVersionMismatchError,
  withBackend,
} from 'bullmq'
import { createPool, type Pool, ping } from '../../../core/postgres/pool.ts'
import { ConfigError } from '../../../core/process/config.ts'
import { waitUntil } from '../../../core/process/wait-until.ts'
import type { BackendSettings, QueueBackend } from '../queue-backend.ts'
import { queueSchemaOf } from './migrate-queue.ts'
import { asPlain, asPlainWorker, isStoreTrouble, paced } from './paced-backend.ts'

// One for each worker: mails, housekeeping.
const LISTENERS = 2
const ASK_EVERY_MS = 10_000
const MIGRATE = 'run node db/migrate.ts without REDIS_URL, then start again.'

/** BullMQ in its own schema of our PostgreSQL. Waits until that is there, as its objects do not look themselves. */
export const openPostgresBackend = async (settings: BackendSettings): Promise<QueueBackend> => {
  const { databaseUrl, logger } = settings
  const schema = queueSchemaOf(settings.schema)
  const max = settings.connections + LISTENERS
  const shared = settings.outages && { outages: settings.outages }
  // The relay makes anew what a crash takes from the queue.
  const isDisposable = true
  const pool = createPool(databaseUrl, { max, name: 'latchkey-bullmq', logger, schema, isDisposable, ...shared })
  await waitUntil("PostgreSQL, for BullMQ's tables", () => checkSchema(pool, schema), settings).catch(
    async (error: unknown) => {
      await pool.end()
      throw error
    },
  )
  const { outages } = pool
  const OnPostgres = withBackend(paced(inSchema(schema), outages))
  // BullMQ asks for one short statement at a time, for each job.
  const connection: unknown = Object.assign(pool, { query: pool.pipelined })
  if (!isPgPool(connection)) throw new Error('BullMQ does not know this pool')
  return {
    name: 'postgresql',
    outages,
    newQueue: (name, options) => {
      const queue = asPlain<Queue>(Queue, new OnPostgres.Queue(name, { ...options, connection }))
      return queue.on('error', (err) => logger.debug({ err, queue: name }, 'a queue reports trouble'))
    },
    newWorker: (name, processor, options) => {
      const worker = asPlainWorker(new OnPostgres.Worker(name, processor, { ...options, connection }))
      return worker.on('error', (err) => (isStoreTrouble(err) ? outages.failed(err) : logger.debug({ err }, 'a job')))
    },
    pools: [pool],
    check: () => ping(pool),
    close: () => pool.end(),
  }
}

/**
 * BullMQ looks for its version in the schema `bullmq` whenever it is given a pool, whatever the pool's search path is. We have looked; and
 * should PostgreSQL be away just when an object looks, that object would stay dead.
 */
const inSchema =
  (schema: string): BackendFactory<PostgresQueueBackend, PostgresConnectionOptions> =>
  (name, options, kind) => {
    const backend = createPostgresBackend(name, options, kind)
    Object.assign(backend.connection, { schema, waitUntilReady: async () => {} })
    return kind?.withBlockingConnection ? askedNowAndThen(backend) : backend
  }

/**
 * BullMQ hears of new jobs on a connection that it asks nothing. A proxy may hold that open whose server is gone: so it is asked now and
 * then. Without an answer pg ends it, and BullMQ makes another.
 */
const askedNowAndThen = (backend: PostgresQueueBackend): PostgresQueueBackend => {
  let askedAt = performance.now()
  const waitForJob = backend.waitForJob.bind(backend)
  const ask = async () => ping(await backend.connection.getListenClient())
  return Object.assign(backend, {
    waitForJob: (blockTimeout: number) => {
      if (performance.now() - askedAt >= ASK_EVERY_MS) {
        askedAt = performance.now()
        ask().catch(() => {})
      }
      return waitForJob(blockTimeout)
    },
  })
}

/** Waiting makes no schema, and none that fits. */
const checkSchema = async (pool: Pool, schema: string): Promise<void> => {
  const client = await pool.connect()
  try {
    const version = await assertSchemaCompatibility(client, schema)
    if (version < LATEST_SCHEMA_VERSION)
      throw new ConfigError(`BullMQ's tables in ${schema} are older than this release: ${MIGRATE}`)
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError)
      throw new ConfigError(`BullMQ's tables are not in the schema ${schema} of PostgreSQL: ${MIGRATE}`)
    if (error instanceof SchemaVersionMismatchError)
      throw new ConfigError(
        `BullMQ's tables in ${schema} are newer than this release: start the release that made them, or a later one.`,
      )
    throw error
  } finally {
    client.release()
  }
}
