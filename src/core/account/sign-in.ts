import type { HashWork } from '../credentials/hashing-queue.ts'
import { type Keyring, lookupKeys } from '../credentials/keyring.ts'
import type { PasswordHasher } from '../credentials/password.ts'
import type { VerifiedCredentials } from '../credentials/verified-credentials.ts'
import { type Account, findAccount, noteSignIn, replacePasswordHash } from '../postgres/accounts/accounts.ts'
import type { Pool } from '../postgres/pool.ts'
import type { Credentials } from '../postgres/users.ts'

export type SignInTools = { pool: Pool; keyring: Keyring; hasher: PasswordHasher }

/** `email` is canonical, null when malformed. */
export type SignIn = { email: string | null; password: string; network: string; signal: AbortSignal }

/** What is left of failed sign-ins. Each may throw, and ends the sign-in so. `isKnownNetwork`: past the budget of all networks it is heard. */
export type SignInSpending = {
  check(isKnownNetwork: boolean): Promise<void>
  spend(isKnownNetwork: boolean): Promise<void>
}

// No address.
const NOBODY = ''

/**
 * The account that an address and its password open, or null. The only place that looks an address up; one look-up and one bcrypt,
 * whether the address is unknown, malformed, only pending, or the password wrong. A hash that is outdated is replaced.
 * With `verified` the right password costs no bcrypt when it did within the last minute.
 */
export const signIn = async (
  tools: SignInTools,
  claim: SignIn,
  spending: SignInSpending,
  verified?: VerifiedCredentials,
): Promise<Credentials | null> => {
  const networkKeys = lookupKeys(tools.keyring, 'sign-in-network', claim.network)
  const account = await findAccount(tools.pool, claim.email ?? NOBODY, networkKeys)
  const isKnownNetwork = account?.isKnownNetwork ?? false
  await spending.check(isKnownNetwork)
  const name = `${claim.email} ${claim.network}`
  if (account && verified?.isVerified(name, claim.password, account.passwordHash)) return account
  const work: HashWork = { priority: 'sign-in', signal: claim.signal }
  const isRight = await tools.hasher.verify(claim.password, account?.passwordHash ?? null, work)
  if (!account || !isRight) {
    await spending.spend(isKnownNetwork)
    return null
  }
  // Past the budget a right password and a wrong one get the same answer, however many were tried at once.
  await spending.check(isKnownNetwork)
  await noteSignIn(tools.pool, account.id, networkKeys[0])
  const renewed = await renewHash(tools, account, claim.password, work)
  if (renewed) verified?.remember(name, claim.password, renewed.passwordHash)
  return renewed
}

/** Null when the password was changed, or the account deleted, meanwhile. */
const renewHash = async (
  { pool, hasher }: SignInTools,
  { id, email, passwordHash }: Account,
  password: string,
  work: HashWork,
): Promise<Credentials | null> => {
  if (!hasher.isOutdated(passwordHash)) return { id, email, passwordHash }
  const newHash = await hasher.hash(password, work)
  if (await replacePasswordHash(pool, { id, formerHash: passwordHash, newHash }))
    return { id, email, passwordHash: newHash }
  // Another sign-in may have been first with the same.
  const now = await findAccount(pool, email, [])
  const isSame = now !== null && (await hasher.verify(password, now.passwordHash, work))
  return isSame ? now : null
}
