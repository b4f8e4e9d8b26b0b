import { renewLease } from '../postgres/outbox/outbox.ts'
import type { Pool } from '../postgres/pool.ts'

/** How long a mail is with nobody after its worker died. */
export const LEASE_SECONDS = 7
// A statement may be slow, or fail, and the next renewal still comes in time.
const RENEW_MS = 2000

/**
 * Does `work` and renews the mail's lease until that ends, so that the lease can be short however long the provider may take.
 * A renewal that fails is left to the next one: when all do, another run may take the mail, with the same key and bytes.
 */
export const keepLease = async <Result>(
  pool: Pool,
  { mailId, token }: { mailId: string; token: string },
  work: () => Promise<Result>,
): Promise<Result> => {
  const renewing = setInterval(() => {
    renewLease(pool, 'mails', { id: mailId, token, seconds: LEASE_SECONDS }).catch(() => {})
  }, RENEW_MS)
  try {
    return await work()
  } finally {
    clearInterval(renewing)
  }
}
