import { parseHash } from '../credentials/password-hash.ts'
import { listAccounts } from '../postgres/accounts/support.ts'
import type { Pool } from '../postgres/pool.ts'

const BATCH = 1000
const FIRST = '00000000-0000-0000-0000-000000000000'

/** Every account as a line of the format that `importAccounts` takes, by id, in constant memory. */
export async function* exportAccounts({ pool }: { pool: Pool }): AsyncGenerator<string> {
  for (let after = FIRST, length = BATCH; length === BATCH; ) {
    const accounts = await listAccounts(pool, after, BATCH)
    for (const { email, activatedAt, passwordHash, locale, metadata } of accounts) {
      const scheme = parseHash(passwordHash)?.scheme ?? 'latchkey'
      yield `${JSON.stringify({ email, activatedAt: activatedAt.toISOString(), passwordHash, scheme, locale, metadata })}\n`
    }
    after = accounts.at(-1)?.id ?? after
    length = accounts.length
  }
}
