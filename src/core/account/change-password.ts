import type { PasswordHasher } from '../credentials/password.ts'
import { type EventTools, raiseEvent } from '../events/raise-event.ts'
import { replacePasswordHash } from '../postgres/accounts/accounts.ts'
import type { Pool } from '../postgres/pool.ts'
import { transaction } from '../postgres/transaction.ts'
import type { Credentials } from '../postgres/users.ts'

/** `account` as its old password was just verified. */
export type PasswordChange = { account: Credentials; password: string; signal: AbortSignal }

/**
 * Replaces the password of an account whose old one was just verified. From the commit on the old one opens nothing, in any process, as
 * every request asks the row. `gone`: the account was deleted, or its password changed, meanwhile.
 */
export const changePassword = async (
  tools: EventTools & { pool: Pool; hasher: PasswordHasher },
  { account, password, signal }: PasswordChange,
): Promise<'changed' | 'gone'> => {
  const newHash = await tools.hasher.hash(password, { priority: 'sign-in', signal })
  return transaction(tools.pool, async (tx) => {
    if (!(await replacePasswordHash(tx, { id: account.id, formerHash: account.passwordHash, newHash }))) return 'gone'
    await raiseEvent(tools, tx, 'user.password-changed', account.id)
    return 'changed'
  })
}
