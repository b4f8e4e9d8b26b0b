import { deleteAccountRow } from '../postgres/accounts/accounts.ts'
import { type Pool, transaction } from '../postgres/pool.ts'
import type { Credentials } from '../postgres/users.ts'

/**
 * Removes an account whose password was just verified: its row, codes, mails (one that waits is never sent) and networks, and so its
 * idempotency key. What limits count stays in keyed form. Other registrations of the address stay, and can be activated again.
 */
export const deleteAccount = (pool: Pool, account: Credentials): Promise<'deleted' | 'gone'> =>
  transaction(pool, async (tx) => ((await deleteAccountRow(tx, account.id, account.passwordHash)) ? 'deleted' : 'gone'))
