import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
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
  // Little to map into each of thousands of connections, and to search when a database is dropped.
  'shared_buffers=32MB',
  // The server hashes the password that each connection brings: 4,096 times unless told.
  'scram_iterations=1',
].flatMap((flag) => ['-c', flag])

/** So that it is stored with the server's own `scram_iterations`, which it is not yet told when it is made. */
const storePasswordAnew = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { username, password } = new URL(url)
  await client.query(`alter role ${username} password ${client.escapeLiteral(password)}`)
  await client.end()
}

/** Starts one PostgreSQL for all test files of all projects, unless only those are asked for that need none. */
export default async ({ provide, vitest }: TestProject): Promise<(() => Promise<void>) | undefined> => {
  if (vitest.projects.every(({ name }) => name === 'unit')) return
  const folder = await makeFastFolder('latchkey-test-')
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), keep: true, flags: FLAGS })
  const templateUrl = await createDatabase(postgres, 'template_latchkey')
  await storePasswordAnew(templateUrl)
  const logger = createLogger('warn', 'test')
  await migrate(templateUrl, logger)
  await migrateQueue(templateUrl, logger)
  provide('templateUrl', templateUrl)
  return async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
