import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, inject, onTestFinished } from 'vitest'
import { createPool, type Pool } from '../../src/core/postgres/pool.ts'
import { createLogger } from '../../src/core/process/logger.ts'
import { PATIENT } from './patient.ts'

export const silent = createLogger('silent', 'test')

export type TestDatabase = { url: string; pool: Pool; drop(): Promise<void> }

/** A database of its own, with all tables. For `beforeAll` and `afterAll`. */
export const createTestDatabase = async (): Promise<TestDatabase> => {
  const template = new URL(inject('templateUrl'))
  const name = `test_${randomBytes(6).toString('hex')}`
  // By files: through the log, which is the default, takes twice as long.
  await asAdmin(template, `create database ${name} template template_latchkey strategy file_copy`)
  const url = new URL(template)
  url.pathname = `/${name}`
  const pool = createPool(url.href, { max: 10, name: 'test', logger: silent })
  // A crowd of a test's waits for its turn, on however slow a machine.
  pool.options.connectionTimeoutMillis = PATIENT.timeout
  return {
    url: url.href,
    pool,
    drop: async () => {
      await pool.end()
      await asAdmin(template, `drop database ${name} with (force)`)
    },
  }
}

/** The same for all tests of a file or `describe`, made before the first and dropped after the last. */
export const shareTestDatabase = (): TestDatabase => {
  let made: TestDatabase | undefined
  const database = (): TestDatabase => {
    if (!made) throw new Error('the database is there from the first beforeAll on')
    return made
  }
  beforeAll(async () => {
    made = await createTestDatabase()
  })
  afterAll(() => made?.drop())
  return {
    get url() {
      return database().url
    },
    get pool() {
      return database().pool
    },
    drop: () => database().drop(),
  }
}

/** The same for one test, dropped when it ends. */
export const useTestDatabase = async (): Promise<TestDatabase> => {
  const database = await createTestDatabase()
  onTestFinished(database.drop)
  return database
}

const asAdmin = async (template: URL, statement: string): Promise<void> => {
  admin ??= connectAsAdmin(template)
  const client = await admin
  // Copies of one template wait for each other.
  await client.query('select pg_advisory_lock(1)')
  try {
    await client.query(statement)
  } finally {
    await client.query('select pg_advisory_unlock(1)')
  }
}

/** For all files that this process runs: a connection costs PostgreSQL as much as half of a copy. */
let admin: Promise<pg.Client> | undefined

const connectAsAdmin = async (template: URL): Promise<pg.Client> => {
  const url = new URL(template)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  // The server stops before Vitest's processes do.
  client.on('error', () => {})
  await client.connect()
  return client
}
