import type { HashWork } from '../credentials/hashing-queue.ts'
import type { PasswordHasher } from '../credentials/password.ts'
import type { VerifiedCredentials } from '../credentials/verified-credentials.ts'
import type { Pool } from '../postgres/pool.ts'
import { type Credentials, findCredentials } from '../postgres/users.ts'

export type Claim = { userId: string | null; email: string | null; password: string }

// No id of version 4.
const NOBODY = '00000000-0000-0000-0000-000000000000'

/**
 * The registration that these credentials open, or null. One look-up and one bcrypt whatever is wrong: an id that is unknown
 * or malformed (`userId` null), another address (`email` is canonical, null when malformed), another password. With `memory` the right ones
 * cost no bcrypt when they did within the last minute.
 */
export const authenticate = async (
  tools: { pool: Pool; hasher: PasswordHasher },
  claim: Claim,
  signal: AbortSignal,
  memory?: { verified: VerifiedCredentials; network: string },
): Promise<Credentials | null> => {
  const work: HashWork = { priority: 'sign-in', signal }
  const user = await findCredentials(tools.pool, claim.userId ?? NOBODY)
  const isOwner = user !== null && user.email === claim.email
  const name = `${claim.userId} ${memory?.network}`
  if (isOwner && memory?.verified.isVerified(name, claim.password, user.passwordHash)) return user
  const isRightPassword = await tools.hasher.verify(claim.password, user?.passwordHash ?? null, work)
  if (!isOwner || !isRightPassword) return null
  memory?.verified.remember(name, claim.password, user.passwordHash)
  return user
}
