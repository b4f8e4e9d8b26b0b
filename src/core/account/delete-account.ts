import { type EventTools, raiseDeletion } from '../events/raise-event.ts'
import { deleteAccountRow } from '../postgres/accounts/accounts.ts'
import type { Pool } from '../postgres/pool.ts'
import { transaction } from '../postgres/transaction.ts'
import type { Credentials } from '../postgres/users.ts'

/**
 * Removes an account whose password was just verified: its row, codes, mails (one that waits is never sent) and networks, and so its
 * idempotency key; of events that wait the id. What limits count stays in keyed form. Other registrations of the address stay, and can be activated again.
 */
export const deleteAccount = (tools: EventTools & { pool: Pool }, account: Credentials): Promise<'deleted' | 'gone'> =>
  transaction(tools.pool, async (tx) => {
    if (!(await deleteAccountRow(tx, account.id, account.passwordHash))) return 'gone'
    await raiseDeletion(tools, tx, account.id)
    return 'deleted'
  })
