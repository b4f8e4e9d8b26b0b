import { migrate } from '../src/core/postgres/migrate.ts'
import { ConfigError, readConfig } from '../src/core/process/config.ts'
import { warnOfUnknownNames } from '../src/core/process/known-names.ts'
import { createLogger } from '../src/core/process/logger.ts'
import { coreSettings, directUrlOf } from '../src/core/process/settings.ts'
import { queueSettings } from '../src/worker/config.ts'
import { migrateQueue } from '../src/worker/queue/backends/migrate-queue.ts'

/** Brings the database up to date: our tables, and BullMQ's own schema when its jobs are kept there too. */
try {
  const config = readConfig({ ...coreSettings, ...queueSettings }, process.env)
  const logger = createLogger(config.LOG_LEVEL, 'migrate')
  warnOfUnknownNames(process.env, logger)
  const databaseUrl = directUrlOf(config)
  const migrations = await migrate(databaseUrl, logger, config.DATABASE_SCHEMA)
  if (config.REDIS_URL === undefined) await migrateQueue(databaseUrl, logger, config.DATABASE_SCHEMA)
  logger.info(
    { migrations, queue: config.REDIS_URL === undefined ? 'postgresql' : 'redis' },
    'the database is up to date',
  )
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : `The database could not be brought up to date: ${error instanceof Error ? error.message : error}`}\n`,
  )
  process.exitCode = 1
}
