import * as v from 'valibot'
import type { Pool } from '../../core/postgres/pool.ts'

/** What an operator's retry does to the rows of a queue before it touches jobs: the row decides whether a job does anything. */
export type OperatorRetry = { one(id: string): Promise<unknown>; all(): Promise<unknown> }

const BATCH = 1000
const uuid = v.pipe(v.string(), v.uuid())

/** An operator's retry of rows that failed: it unsettles the rows themselves, in batches, whether the queue keeps their jobs or not. */
export const operatorRetryOf = (
  pool: Pool,
  statements: { one(pool: Pool, id: string): Promise<unknown>; some(pool: Pool, limit: number): Promise<number> },
): OperatorRetry => ({
  // A job that somebody else put there has no row.
  one: async (id) => v.is(uuid, id) && statements.one(pool, id),
  all: async () => {
    for (let count = BATCH; count === BATCH; ) count = await statements.some(pool, BATCH)
  },
})
