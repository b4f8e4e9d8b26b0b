import type { PasswordHasher } from '../credentials/password.ts'
import type { VerifiedCredentials } from '../credentials/verified-credentials.ts'
import type { Pool } from '../postgres/pool.ts'
import { type Allowance, keysOf, spendAllowance } from '../postgres/rate-limits.ts'
import { type Credentials, findCredentials } from '../postgres/users.ts'

export type AuthenticateTools = { pool: Pool; hasher: PasswordHasher; verified: VerifiedCredentials }

/** `userId` is null when malformed, and so is `email`, which is canonical. */
export type Claim = {
  userId: string | null
  email: string | null
  password: string
  network: string
  /** What is left of failed sign-ins. */
  logins: Allowance
  /** Whoever was right within the last minute costs no bcrypt. */
  isRemembered: boolean
  signal: AbortSignal
}

/**
 * Whose password was right a moment ago. What is done for him looks at `logins` once more, with its first statement: past the
 * budget a right password and a wrong one get the same answer, however many were tried at once.
 */
export type Verified = { user: Credentials; logins: Allowance }

// No id of version 4.
const NOBODY = '00000000-0000-0000-0000-000000000000'

/**
 * The registration that these credentials open, or null. One look, one bcrypt and one count whatever is wrong: an id that is unknown
 * or malformed, another address, another password.
 */
export const authenticate = async (tools: AuthenticateTools, claim: Claim): Promise<Verified | null> => {
  const { password, logins, isRemembered, signal } = claim
  const name = `${claim.userId} ${claim.network}`
  // Before the first statement: in a flood the refusal must cost next to nothing.
  if (!isRemembered || !tools.verified.holds(name, password)) tools.hasher.checkRoom('sign-in')
  const { user, counted } = await findCredentials(tools.pool, claim.userId ?? NOBODY, keysOf(logins))
  logins.refuseUsedUp(counted)
  const isOwner = user !== null && user.email === claim.email
  if (isOwner && isRemembered && tools.verified.isVerified(name, password, user.passwordHash)) return { user, logins }
  const isRight = await tools.hasher.verify(password, user?.passwordHash ?? null, { priority: 'sign-in', signal })
  if (!isOwner || !isRight) {
    await spendAllowance(tools.pool, logins)
    return null
  }
  if (isRemembered) tools.verified.remember(name, password, user.passwordHash)
  return { user, logins }
}
