import type { HashWork } from '../credentials/hashing-queue.ts'
import type { PasswordHasher } from '../credentials/password.ts'
import type { Pool } from '../postgres/pool.ts'
import { type Credentials, findCredentials } from '../postgres/users.ts'

export type Claim = { userId: string | null; email: string | null; password: string }

// No id of version 4.
const NOBODY = '00000000-0000-0000-0000-000000000000'

/**
 * The registration that these credentials open, or null. One look-up and one bcrypt whatever is wrong: an id that is unknown
 * or malformed (`userId` null), another address (`email` is canonical, null when malformed), another password.
 */
export const authenticate = async (
  tools: { pool: Pool; hasher: PasswordHasher },
  claim: Claim,
  signal: AbortSignal,
): Promise<Credentials | null> => {
  const work: HashWork = { priority: 'sign-in', signal }
  const user = await findCredentials(tools.pool, claim.userId ?? NOBODY)
  const isRightPassword = await tools.hasher.verify(claim.password, user?.passwordHash ?? null, work)
  return user && isRightPassword && user.email === claim.email ? user : null
}
