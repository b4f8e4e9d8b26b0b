import { renewLease } from '../postgres/outbox/lease.ts'
import type { OutboxTable } from '../postgres/outbox/outbox-rows.ts'
import type { Pool } from '../postgres/pool.ts'

/** How long a row is with nobody after its worker died. */
export const LEASE_SECONDS = 7
// A statement may be slow, or fail, and the next renewal still comes in time.
const RENEW_MS = 2000

/**
 * Does `work` and renews the row's lease until that ends, so that the lease can be short however long the provider may take.
 * A renewal that fails is left to the next one: when all do, another run may take the row, with the same key and bytes.
 */
export const keepLease = async <Result>(
  pool: Pool,
  table: OutboxTable,
  { id, token }: { id: string; token: string },
  work: () => Promise<Result>,
): Promise<Result> => {
  const renewing = setInterval(() => {
    renewLease(pool, table, { id, token, seconds: LEASE_SECONDS }).catch(() => {})
  }, RENEW_MS)
  try {
    return await work()
  } finally {
    clearInterval(renewing)
  }
}
