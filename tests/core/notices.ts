import { readStatus } from '../../src/core/registration/status.ts'
import type { TestDatabase } from '../support/database.ts'
import { addActive, addPending, type Pending, useCaseTools, verified } from './fixtures.ts'

/** An account, and a registration of its address by somebody else. */
export const addOwnerAndIntruder = async (database: TestDatabase) => {
  const owner = await addActive(database)
  return { owner, intruder: await addPending(database, owner.user.email) }
}

export const codeSeenBy = async (database: TestDatabase, { user }: Pending) => {
  const status = await readStatus(useCaseTools(database), verified(user))
  return { ...status?.code, sentAt: typeof status?.code?.sentAt, expiresAt: typeof status?.code?.expiresAt }
}
