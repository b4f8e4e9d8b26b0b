import { randomUUID } from 'node:crypto'
import type { HashWork } from '../credentials/hashing-queue.ts'
import { lookupKeys } from '../credentials/keyring.ts'
import type { PasswordHasher } from '../credentials/password.ts'
import type { VerifiedCredentials } from '../credentials/verified-credentials.ts'
import { announceMails } from '../postgres/mails.ts'
import { insertRegistration } from '../postgres/new-codes.ts'
import { type Pool, transaction } from '../postgres/pool.ts'
import { type FormerRequest, findByIdempotencyKey, forgetOldIdempotencyKey } from '../postgres/users.ts'
import { type CodeTools, newCode } from './enqueue-code.ts'
import type { Metadata } from './metadata.ts'
import type { RegistrationPolicy } from './policy.ts'
import { createPublicRef } from './public-ref.ts'
import { requestDigests } from './request-digest.ts'
import type { RegistrationSpending, Spending } from './spending.ts'
import { describeUser, readStatus, type StatusTools, type User } from './status.ts'

export type RegisterTools = CodeTools & {
  pool: Pool
  hasher: PasswordHasher
  policy: RegistrationPolicy
  verified?: VerifiedCredentials
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
  signal: AbortSignal
}

export type Registered = { user: User; isNew: boolean } | 'idempotency-key-reused'

/**
 * Registers a person: user, code and mail are one transaction. `email` is canonical. Whether the address is known is not
 * looked at. The same idempotency key within 24 hours gives the same user again, and `idempotency-key-reused` when the
 * body is another JSON value; a repetition spends nothing.
 */
export const register = async (
  tools: RegisterTools,
  registration: Registration,
  spending: RegistrationSpending,
): Promise<Registered> => {
  tools.hasher.checkRoom('registration')
  const keys =
    registration.idempotencyKey === null
      ? []
      : lookupKeys(tools.keyring, 'idempotency-key', registration.idempotencyKey)
  const checked = spending.check()
  // At the same time. A repetition spends nothing, so nothing need be left for it.
  checked.catch(() => {})
  const former = keys.length > 0 ? await findByIdempotencyKey(tools.pool, keys) : null
  if (former) return repeat(tools, registration, former, spending)
  await checked
  const user = await insert(tools, registration, keys[0] ?? null, spending)
  if (user) return { user, isNew: true }
  // A request with the same key has won the race: this one is its repetition.
  const winner = await findByIdempotencyKey(tools.pool, keys)
  if (!winner) throw new Error('an idempotency key is taken by nobody')
  return repeat(tools, registration, winner, spending)
}

const nameOf = ({ idempotencyKey }: Registration) => `key ${idempotencyKey ?? ''}`

const hashWork = (registration: Registration): HashWork => ({ priority: 'registration', signal: registration.signal })

/** Another password under a known key is a try at that password, and spends as one. */
const repeat = async (
  tools: RegisterTools,
  registration: Registration,
  former: FormerRequest,
  spending: RegistrationSpending,
): Promise<Registered> => {
  await spending.checkRepetition(former.id)
  const isSamePassword = await isPasswordOf(tools, registration, former)
  if (!isSamePassword) await spending.spendRepetition(former.id)
  return isSamePassword && isSameBody(tools, registration, former)
    ? { user: await read(tools, former.id), isNew: false }
    : 'idempotency-key-reused'
}

const isPasswordOf = async (
  { hasher, verified }: RegisterTools,
  registration: Registration,
  { passwordHash }: FormerRequest,
): Promise<boolean> => {
  const name = nameOf(registration)
  if (verified?.isVerified(name, registration.password, passwordHash)) return true
  const isRight = await hasher.verify(registration.password, passwordHash, hashWork(registration))
  if (isRight) verified?.remember(name, registration.password, passwordHash)
  return isRight
}

const isSameBody = ({ keyring }: RegisterTools, { email, body }: Registration, { digest, ...former }: FormerRequest) =>
  digest === null ? former.email === email : requestDigests(keyring, body).some((own) => own.equals(digest))

const insert = async (
  tools: RegisterTools,
  registration: Registration,
  idempotencyKey: Buffer | null,
  spending: Spending,
): Promise<User | null> => {
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
  const inserted = await transaction(tools.pool, async (tx) => {
    // Made here, so that the mail's trace goes on from the transaction.
    const code = newCode(tools, registration)
    // Sent together, done one after the other.
    const [, row] = await Promise.all([
      idempotencyKey && forgetOldIdempotencyKey(tx, idempotencyKey),
      insertRegistration(tx, user, code, tools.policy.resendCooldownSeconds),
    ])
    if (row) await spending.spend(tx)
    return row
  })
  if (!inserted) return null
  tools.surge.note(inserted.surge)
  announceMails(tools.pool)
  if (idempotencyKey) tools.verified?.remember(nameOf(registration), registration.password, user.passwordHash)
  return describeUser(inserted.user, tools.policy.maxAttempts)
}

const read = async (tools: StatusTools, userId: string): Promise<User> => {
  const user = await readStatus(tools, userId)
  if (!user) throw new Error('a registration is gone')
  return user
}
