import { randomUUID } from 'node:crypto'
import type { HashWork } from '../credentials/hashing-queue.ts'
import { lookupKeys } from '../credentials/keyring.ts'
import type { PasswordHasher } from '../credentials/password.ts'
import type { VerifiedCredentials } from '../credentials/verified-credentials.ts'
import { insertRegistration, type NewUser } from '../postgres/codes/new-codes.ts'
import type { Pool } from '../postgres/pool.ts'
import {
  type Allowance,
  type Counted,
  checkAllowance,
  isOverspent,
  keysOf,
  spendAllowance,
  spendingOf,
} from '../postgres/rate-limits.ts'
import { transactionAtOnce } from '../postgres/transaction.ts'
import { type FormerRequest, findByIdempotencyKey, forgetOldIdempotencyKey } from '../postgres/users.ts'
import type { Metadata } from './metadata.ts'
import { type CodeTools, newCode } from './new-code.ts'
import { createPublicRef } from './public-ref.ts'
import { requestDigests } from './request-digest.ts'
import { describeUser, type RegistrationPolicy, readStatus, type User } from './status.ts'

export type RegisterTools = CodeTools & {
  pool: Pool
  hasher: PasswordHasher
  policy: RegistrationPolicy
  verified: VerifiedCredentials
}

export type Registration = {
  email: string
  password: string
  /** The language of the mails. */
  locale: string
  metadata: Metadata
  /** The JSON value that came: a repetition has the same. */
  body: object
  idempotencyKey: string | null
  requestId: string
  /** What a registration spends; a repetition spends nothing of it. */
  budget: Allowance
  /** What is left of failed sign-ins to a registration: a repetition with another password is a try at that password. */
  logins(userId: string): Allowance
  signal: AbortSignal
}

/** Why a registration is not made, in the words of the API. */
export const registrationRefusals = ['idempotency-key-reused'] as const

/** `counted` is what a new one has spent; nothing when it is a repetition. */
export type Registered = { user: User; isNew: boolean; counted: Counted[] } | (typeof registrationRefusals)[number]

/**
 * Registers a person: user, code and mail are one transaction. `email` is canonical. Whether the address is known is not
 * looked at. The same idempotency key within 24 hours gives the same user again, and `idempotency-key-reused` when the
 * body is another JSON value; a repetition spends nothing.
 */
export const register = async (tools: RegisterTools, registration: Registration): Promise<Registered> => {
  tools.hasher.checkRoom('registration')
  const { idempotencyKey, budget } = registration
  const keys = idempotencyKey === null ? [] : lookupKeys(tools.keyring, 'idempotency-key', idempotencyKey)
  const { former, looked } = await look(tools, keys, budget)
  if (former) return repeat(tools, registration, former)
  const inserted = await insert(tools, registration, { idempotencyKey: keys[0] ?? null, looked })
  if (inserted) return { ...inserted, isNew: true }
  // A request with the same key has won the race: this one is its repetition.
  const { user: winner } = await findByIdempotencyKey(tools.pool, keys, [])
  if (!winner) throw new Error('an idempotency key without a registration')
  return repeat(tools, registration, winner)
}

type Looked = { former: FormerRequest | null; looked: Counted[] }

/** What is left, or whose repetition it is; throws when nothing is left. */
const look = async ({ pool }: RegisterTools, keys: Buffer[], budget: Allowance): Promise<Looked> => {
  if (keys.length === 0) return { former: null, looked: await checkAllowance(pool, budget) }
  const { user: former, counted: looked } = await findByIdempotencyKey(pool, keys, keysOf(budget))
  if (!former) budget.refuseUsedUp(looked)
  return { former, looked }
}

const nameOf = ({ idempotencyKey }: Registration) => `key ${idempotencyKey ?? ''}`

const hashWork = (registration: Registration): HashWork => ({ priority: 'registration', signal: registration.signal })

/** Another password under a known key is a try at that password, and spends as one. */
const repeat = async (tools: RegisterTools, registration: Registration, former: FormerRequest): Promise<Registered> => {
  const logins = registration.logins(former.id)
  await checkAllowance(tools.pool, logins)
  const isSamePassword = await isPasswordOf(tools, registration, former)
  if (!isSamePassword || !isSameBody(tools, registration, former)) {
    await (isSamePassword ? checkAllowance : spendAllowance)(tools.pool, logins)
    return 'idempotency-key-reused'
  }
  const user = await readStatus(tools, { user: former, logins })
  if (!user) throw new Error('a registration is gone')
  return { user, isNew: false, counted: [] }
}

const isPasswordOf = async (
  { hasher, verified }: RegisterTools,
  registration: Registration,
  { passwordHash }: FormerRequest,
): Promise<boolean> => {
  const name = nameOf(registration)
  if (verified.isVerified(name, registration.password, passwordHash)) return true
  const isRight = await hasher.verify(registration.password, passwordHash, hashWork(registration))
  if (isRight) verified.remember(name, registration.password, passwordHash)
  return isRight
}

const isSameBody = ({ keyring }: RegisterTools, { body }: Registration, { digest }: FormerRequest): boolean =>
  requestDigests(keyring, body).some((own) => own.equals(digest))

/** `looked` is what the counters stood at. */
type Insertion = { idempotencyKey: Buffer | null; looked: Counted[] }

const insert = async (
  tools: RegisterTools,
  registration: Registration,
  { idempotencyKey, looked }: Insertion,
): Promise<{ user: User; counted: Counted[] } | null> => {
  const user = {
    id: randomUUID(),
    email: registration.email,
    passwordHash: await tools.hasher.hash(registration.password, hashWork(registration)),
    ref: createPublicRef(),
    locale: registration.locale,
    metadata: JSON.stringify(registration.metadata),
    idempotencyKey,
    idempotencyDigest: idempotencyKey && requestDigests(tools.keyring, registration.body)[0],
  }
  const inserted = await store(tools, registration, user, looked)
  if (!inserted) return null
  tools.surge.note(inserted.surge)
  if (idempotencyKey) tools.verified.remember(nameOf(registration), registration.password, user.passwordHash)
  const older = looked.filter(({ key }) => registration.budget.older.includes(key))
  return { user: describeUser(inserted.user, tools.policy.maxAttempts), counted: [...older, ...inserted.counted] }
}

const store = (tools: RegisterTools, registration: Registration, user: NewUser, looked: Counted[]) =>
  transactionAtOnce(tools.pool, async (tx) => {
    // Made here, so that the mail's trace goes on from the transaction.
    const code = newCode(tools, registration)
    const spending = spendingOf(registration.budget, looked)
    const { resendCooldownSeconds: cooldownSeconds } = tools.policy
    const [, inserted] = await Promise.all([
      user.idempotencyKey && forgetOldIdempotencyKey(tx, user.idempotencyKey),
      insertRegistration(tx, { user, code, spending, cooldownSeconds }),
    ])
    return inserted
  }).catch(async (error: unknown): ReturnType<typeof insertRegistration> => {
    if (!isOverspent(error)) throw error
    // Others have spent what was left meanwhile, or its window has just ended.
    return store(tools, registration, user, await checkAllowance(tools.pool, registration.budget))
  })
