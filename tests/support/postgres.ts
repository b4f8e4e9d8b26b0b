import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { createDatabase, startPostgres } from '../../dev/embedded-postgres.ts'
import { migrate } from '../../src/core/postgres/migrate.ts'
import { createLogger } from '../../src/core/process/logger.ts'
import { migrateQueue } from '../../src/worker/queue/backends/migrate-queue.ts'
import { makeFastFolder } from './fast-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A database with all tables and no rows, to be copied by each test file. */
    templateUrl: string
  }
}

// What a test writes need not survive a power cut, and the data are kept in memory: little of them.
const FLAGS = [
  'fsync=off',
  'full_page_writes=off',
  'synchronous_commit=off',
  'max_wal_size=256MB',
  'max_connections=400',
].flatMap((flag) => ['-c', flag])

/** Starts one PostgreSQL for all test files of all projects, unless only those are asked for that need none. */
export default async ({ provide, vitest }: TestProject): Promise<(() => Promise<void>) | undefined> => {
  if (vitest.projects.every(({ name }) => name === 'unit')) return
  const folder = await makeFastFolder('latchkey-test-')
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true, flags: FLAGS })
  const templateUrl = await createDatabase(postgres, 'template_latchkey')
  const logger = createLogger('warn', 'test')
  await migrate(templateUrl, logger)
  await migrateQueue(templateUrl, logger)
  provide('templateUrl', templateUrl)
  return async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
