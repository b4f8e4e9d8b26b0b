import {
  assertSchemaCompatibility,
  createPostgresBackend,
  isPgPool,
  Queue,
  runMigrations,
  Worker,
  withBackend,
} from 'bullmq'
import { createPool, type Pool, ping } from '../../core/postgres/pool.ts'
import type { Logger } from '../../core/process/logger.ts'
import { waitUntil } from '../../core/process/wait-until.ts'
import type { BackendSettings, QueueBackend } from './queue-backend.ts'

const SCHEMA = 'bullmq'
// One for each worker: mails, housekeeping.
const LISTENERS = 2

/** BullMQ in its own schema of our PostgreSQL. Objects made before the schema is there stay dead, so it waits for that first. */
export const openPostgresBackend = async (settings: BackendSettings): Promise<QueueBackend> => {
  const { databaseUrl, logger } = settings
  const pool = createPool(databaseUrl, {
    max: settings.connections + LISTENERS,
    name: 'latchkey-bullmq',
    logger,
    schema: SCHEMA,
  })
  await waitUntil(
    "BullMQ's tables in PostgreSQL (node db/migrate.ts makes them)",
    () => checkSchema(pool),
    settings,
  ).catch(async (error: unknown) => {
    await pool.end()
    throw error
  })
  const OnPostgres = withBackend(createPostgresBackend)
  const connection: unknown = pool
  if (!isPgPool(connection)) throw new Error('BullMQ does not know this pool')
  return {
    name: 'postgresql',
    newQueue: (name, options) => asPlain<Queue>(Queue, new OnPostgres.Queue(name, { ...options, connection })),
    newWorker: (name, processor, options) =>
      asPlain<Worker>(Worker, new OnPostgres.Worker(name, processor, { ...options, connection })),
    pools: [pool],
    check: () => ping(pool),
    close: () => pool.end(),
  }
}

/** BullMQ types its classes by their backend, although what we call is the same on both. */
const asPlain = <Plain>(plain: new (...args: never[]) => Plain, object: object): Plain => {
  if (!(object instanceof plain)) throw new Error('BullMQ made an object of another class')
  return object
}

const checkSchema = async (pool: Pool): Promise<void> => {
  const client = await pool.connect()
  try {
    await assertSchemaCompatibility(client, SCHEMA)
  } finally {
    client.release()
  }
}

/** Brings BullMQ's schema up to date. Several at once wait for each other. */
export const migrateQueue = async (databaseUrl: string, logger: Logger): Promise<void> => {
  const pool = createPool(databaseUrl, { max: 1, name: 'latchkey-migrate', logger })
  try {
    const client = await pool.connect()
    await runMigrations(client, SCHEMA).finally(() => client.release())
  } finally {
    await pool.end()
  }
}
