import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'
import { createPool, type Pool } from '../../src/core/postgres/pool.ts'
import { silent } from './database.ts'

/** The names of this release's migrations. */
export const MIGRATIONS = readdirSync(join(import.meta.dirname, '../../db/migrations'))
  .filter((file) => file.endsWith('.sql'))
  .map((file) => file.slice(0, -4))

/** A pool without a PostgreSQL, which answers as one that has these migrations does, after it has failed in these ways. */
export const migratedPool = ({ names = MIGRATIONS, isReadOnly = false, failures = [] as unknown[] } = {}): Pool => {
  const pool = createPool('postgres://nobody@127.0.0.1:1/none', { max: 1, name: 'test', logger: silent })
  const rowsOf = (statement: string) => {
    if (statement.includes('transaction_read_only')) return [{ is: isReadOnly }]
    return statement.includes('to_regclass') ? [{ table: 'migrations' }] : names.map((name) => ({ name }))
  }
  vi.spyOn(pool, 'query').mockImplementation(async (statement) => {
    const failure = failures.shift()
    if (failure !== undefined) throw failure
    const rows: never[] = JSON.parse(JSON.stringify(rowsOf(String(statement))))
    return { rows, command: 'SELECT', rowCount: rows.length, oid: 0, fields: [] }
  })
  return pool
}
