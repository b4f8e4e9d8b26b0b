import { mailboxOf } from '../credentials/email-address.ts'
import { type Keyring, lookupKeys } from '../credentials/keyring.ts'
import { type Allowance, keysOf } from '../postgres/rate-limits.ts'
import type { Queryable } from '../postgres/transaction.ts'
import { type Credentials, findUser, type Profile, type UserRow, type Wanted } from '../postgres/users.ts'
import type { CodePolicy } from '../process/settings.ts'
import { CODE_STATES, type CodeStatus, codeStateOf, mailFateOf } from './code-state.ts'
import type { Metadata } from './metadata.ts'

/** A registration as its owner may see it. Times are ISO 8601 UTC. */
export type User = {
  id: string
  email: string
  status: 'pending' | 'active'
  ref: string
  /** The language of the mails. */
  locale: string
  metadata: Metadata
  createdAt: string
  activatedAt: string | null
  code: {
    status: CodeStatus
    sentAt: string | null
    deliveredAt: string | null
    expiresAt: string | null
    attemptsLeft: number
    resendAfter: string
  } | null
}

/** The rules of registration. */
export type RegistrationPolicy = CodePolicy & { resendCooldownSeconds: number }

export type StatusTools = { pool: Queryable; keyring: Keyring; policy: RegistrationPolicy }

/** Whose registration, and what must be left of failed sign-ins: it is looked at in the same statement. */
export type StatusRequest = { user: Pick<Credentials, 'id' | 'email'>; logins: Allowance }

/** The registration as it stands now; null when it is gone. */
export const readStatus = async (tools: StatusTools, { user, logins }: StatusRequest): Promise<User | null> => {
  const found = await findUser(tools.pool, wantedOf(tools, user, keysOf(logins)))
  logins.refuseUsedUp(found.counted)
  return found.user && describeUser(found.user, tools.policy.maxAttempts)
}

/** What is looked up of a registration. */
export const wantedOf = (
  { keyring, policy }: Pick<StatusTools, 'keyring' | 'policy'>,
  { id, email }: StatusRequest['user'],
  counterKeys: string[],
): Wanted => ({
  id,
  counterKeys,
  cooldownSeconds: policy.resendCooldownSeconds,
  mailboxKeys: lookupKeys(keyring, 'mailbox', mailboxOf(email)),
  guessBudgets: policy.guessBudgets,
})

/** A registration by its row. */
export const describeUser = (row: UserRow, maxAttempts: number): User =>
  row.activatedAt ? describeActive(row) : describe(row, describeCode(row, maxAttempts))

/** An account has no code any more. */
export const describeActive = (profile: Profile): User => describe(profile, null)

const describe = (profile: Profile, code: User['code']): User => ({
  id: profile.id,
  email: profile.email,
  status: profile.activatedAt ? 'active' : 'pending',
  ref: profile.ref,
  locale: profile.locale,
  metadata: profile.metadata,
  createdAt: profile.createdAt.toISOString(),
  activatedAt: profile.activatedAt?.toISOString() ?? null,
  code,
})

const describeCode = (row: UserRow, maxAttempts: number): User['code'] => ({
  status: CODE_STATES[codeStateOf({ ...row, isCurrent: true }, maxAttempts)].shown[mailFateOf(row)],
  sentAt: row.sentAt?.toISOString() ?? null,
  deliveredAt: row.deliveredAt?.toISOString() ?? null,
  // The deadline of a code that may not have been sent is not shown.
  expiresAt: row.sentAt ? (row.expiresAt?.toISOString() ?? null) : null,
  attemptsLeft: Math.max(0, maxAttempts - row.attempts),
  resendAfter: row.resendAfter.toISOString(),
})
