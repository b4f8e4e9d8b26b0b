import type { HashWork } from '../credentials/hashing-queue.ts'
import { type Keyring, lookupKeys } from '../credentials/keyring.ts'
import type { PasswordHasher } from '../credentials/password.ts'
import type { VerifiedCredentials } from '../credentials/verified-credentials.ts'
import { findAccount, noteSignIn, replacePasswordHash } from '../postgres/accounts/accounts.ts'
import type { Pool } from '../postgres/pool.ts'
import { type Allowance, checkAllowance, keysOf, spendAllowance } from '../postgres/rate-limits.ts'
import type { Credentials } from '../postgres/users.ts'
import type { Verified } from '../registration/authenticate.ts'
import { readStatus, type StatusTools, type User } from '../registration/status.ts'

export type SignInTools = { pool: Pool; keyring: Keyring; hasher: PasswordHasher; verified: VerifiedCredentials }

/** `email` is canonical, null when malformed. */
export type SignIn = {
  email: string | null
  password: string
  network: string
  /** What is left of failed sign-ins; a network from which the owner is known is heard past the budget of all networks. */
  logins: { fromAnywhere: Allowance; fromKnownNetwork: Allowance }
  signal: AbortSignal
}

/** The account that an address and its password open, or null: see `verify`. A hash that is outdated is replaced. */
export const signIn = async (tools: SignInTools, claim: SignIn): Promise<Credentials | null> => {
  const owner = await verify(tools, claim, false)
  if (!owner) return null
  await checkAllowance(tools.pool, owner.logins)
  return settle(tools, claim, owner)
}

/** The sign-in check: the account as its owner may see it, or null. Who was right within the last minute costs no bcrypt. */
export const checkSignIn = async (tools: SignInTools & StatusTools, claim: SignIn): Promise<User | null> => {
  const owner = await verify(tools, claim, true)
  if (!owner) return null
  // Looks at what is left, too: as only a right password is followed by what is done, nothing is done before.
  const user = await readStatus(tools, owner)
  const settled = user && (await settle(tools, claim, owner))
  if (settled && !owner.isRecent) tools.verified.remember(nameOf(claim), claim.password, settled.passwordHash)
  return settled && user
}

/** `isRecent`: the password was right within the last minute already. */
type Owner = Verified & { isNoted: boolean; isOutdated: boolean; isRecent: boolean }

// No address.
const NOBODY = ''

/**
 * The only place that looks an address up; one look, one bcrypt and one count whether the address is unknown, malformed, only
 * pending, or the password wrong.
 */
const verify = async (tools: SignInTools, claim: SignIn, isRemembered: boolean): Promise<Owner | null> => {
  const { pool, hasher, verified } = tools
  const { password, logins: budgets } = claim
  const name = nameOf(claim)
  // Before the first statement: in a flood the refusal must cost next to nothing.
  if (!isRemembered || !verified.holds(name, password)) hasher.checkRoom('sign-in')
  const networkKeys = lookupKeys(tools.keyring, 'sign-in-network', claim.network)
  const keys = keysOf(budgets.fromAnywhere)
  const { user: account, counted } = await findAccount(pool, claim.email ?? NOBODY, networkKeys, keys)
  const logins = account?.isKnownNetwork ? budgets.fromKnownNetwork : budgets.fromAnywhere
  logins.refuseUsedUp(counted)
  if (account && isRemembered && verified.isVerified(name, password, account.passwordHash))
    return { user: account, logins, isNoted: true, isOutdated: false, isRecent: true }
  const isRight = await hasher.verify(password, account?.passwordHash ?? null, workOf(claim))
  if (!account || !isRight) {
    await spendAllowance(pool, logins)
    return null
  }
  const isOutdated = hasher.isOutdated(account.passwordHash)
  return { user: account, logins, isNoted: account.isNoted, isOutdated, isRecent: false }
}

const nameOf = ({ email, network }: SignIn): string => `${email} ${network}`
const workOf = ({ signal }: SignIn): HashWork => ({ priority: 'sign-in', signal })

/** What follows a sign-in. Null when the password was changed, or the account deleted, meanwhile. */
const settle = async (tools: SignInTools, claim: SignIn, owner: Owner): Promise<Credentials | null> => {
  const { user, isNoted, isOutdated } = owner
  const [networkKey] = lookupKeys(tools.keyring, 'sign-in-network', claim.network)
  if (!isNoted) await noteSignIn(tools.pool, user.id, networkKey)
  return isOutdated ? renewHash(tools, claim, user) : user
}

const renewHash = async (
  { pool, hasher }: SignInTools,
  claim: SignIn,
  { id, email, passwordHash }: Credentials,
): Promise<Credentials | null> => {
  const newHash = await hasher.hash(claim.password, workOf(claim))
  if (await replacePasswordHash(pool, { id, formerHash: passwordHash, newHash }))
    return { id, email, passwordHash: newHash }
  // Another sign-in may have been first with the same.
  const { user: now } = await findAccount(pool, email, [], [])
  const isSame = now !== null && (await hasher.verify(claim.password, now.passwordHash, workOf(claim)))
  return isSame ? now : null
}
