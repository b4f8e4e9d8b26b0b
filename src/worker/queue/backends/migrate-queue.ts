import { assertSchemaCompatibility, LATEST_SCHEMA_VERSION, runMigrations, SchemaMigrationRequiredError } from 'bullmq'
import { makeJobSequences, untilLocked, withChangingClient } from '../../../core/postgres/connection/changing-tables.ts'
import type { Logger } from '../../../core/process/logger.ts'

// All that ever get a job.
const QUEUES = ['mail', 'housekeeping', 'webhook']

/** BullMQ's schema beside that of our tables: of two installations in one database each has its own. */
export const queueSchemaOf = (schema = 'public'): string => (schema === 'public' ? 'bullmq' : `${schema}_bullmq`)

/** Brings BullMQ's schema up to date. Several at once wait for each other; when nothing is to be done no lock is taken. */
export const migrateQueue = (databaseUrl: string, logger: Logger, tables?: string): Promise<void> => {
  const schema = queueSchemaOf(tables)
  return untilLocked(logger, () =>
    withChangingClient(databaseUrl, schema, async (client) => {
      if ((await readVersion(client, schema)) < LATEST_SCHEMA_VERSION) await runMigrations(client, schema)
      await makeJobSequences(client, QUEUES)
    }),
  )
}

/** 0 when there is no such schema. Throws when a later BullMQ has made it incompatible. */
const readVersion = async (...asked: Parameters<typeof assertSchemaCompatibility>): Promise<number> => {
  try {
    return await assertSchemaCompatibility(...asked)
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) return 0
    throw error
  }
}
