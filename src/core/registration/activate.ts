import { mailboxOf } from '../credentials/email-address.ts'
import { type Keyring, lookupKeys } from '../credentials/keyring.ts'
import { type CodeRow, countAttempt, listCodes } from '../postgres/codes.ts'
import { insertGuess, isMailboxGuessedOut, lockMailbox } from '../postgres/guesses.ts'
import { type Pool, type Tx, transaction } from '../postgres/pool.ts'
import { activateUser, type Credentials, lockUser } from '../postgres/users.ts'
import { deriveCode, isSameCode } from './activation-code.ts'
import { isShort } from './enqueue-code.ts'
import type { RegistrationPolicy } from './policy.ts'
import { type ActiveUser, readActivated } from './status.ts'

export type ActivateTools = { pool: Pool; keyring: Keyring; policy: RegistrationPolicy }

/** The budget of wrong codes. Both throw, and so undo the try, when nothing is left. */
export type WrongCodes = { check(tx: Tx): Promise<void>; spend(tx: Tx): Promise<void> }

export type Activated =
  | 'activated'
  | 'already-active'
  | 'gone'
  | 'code-not-sent'
  | 'code-expired'
  | 'code-exhausted'
  | { refusal: 'code-incorrect'; attemptsLeft: number }

/**
 * Tries a code for a registration whose password was just verified. Everything is decided in one transaction that holds
 * the registration and its mailbox, and a refusal is returned, so that its count is committed: parallel guesses spend
 * no more attempts than there are. Only a code that is open, current and not used up is compared, and then counted.
 * `active` is the registration when it is active now, else null.
 */
export const activate = (
  tools: ActivateTools,
  user: Credentials,
  typed: string,
  spending: WrongCodes,
): Promise<{ activated: Activated; active: ActiveUser | null }> =>
  transaction(tools.pool, async (tx) => {
    const activated = await tryCode(tx, tools, { user, typed, spending })
    const isActive = activated === 'activated' || activated === 'already-active'
    // Not after the commit: who is told 503 must not have been activated.
    return { activated, active: isActive ? await readActivated({ ...tools, pool: tx }, user.id) : null }
  })

const tryCode = async (
  tx: Tx,
  tools: ActivateTools,
  attempt: Omit<Guess, 'code' | 'mailboxKey'>,
): Promise<Activated> => {
  const { user, typed } = attempt
  const mailboxKeys = lookupKeys(tools.keyring, 'mailbox', mailboxOf(user.email))
  // Sent together, done one after the other: each sees what was done before it got its lock.
  const [locked, , isGuessedOut, codes] = await Promise.all([
    lockUser(tx, user.id),
    // In one order, and under all keys: another api may know them in another one while they are rotated.
    Promise.all(mailboxKeys.toSorted(Buffer.compare).map((key) => lockMailbox(tx, key))),
    isMailboxGuessedOut(tx, mailboxKeys, tools.policy.guessBudgets),
    listCodes(tx, user.id),
  ])
  if (!locked) return 'gone'
  if (locked.isActive) return 'already-active'
  const code = codes.find((candidate) => candidate.isCurrent)
  const refusal = refusalOf(tools, codes, code, typed)
  if (refusal || !code) return refusal ?? 'code-not-sent'
  // Four digits of a mailbox that was guessed at too often are not worth a try any more; the next code has eight.
  if (isGuessedOut && isShort(code)) return 'code-expired'
  return guess(tx, tools, { ...attempt, code, mailboxKey: mailboxKeys[0] })
}

/** Why the typed code is not even compared; null when it is. */
const refusalOf = (
  { keyring, policy }: ActivateTools,
  codes: CodeRow[],
  current: CodeRow | undefined,
  typed: string,
): Activated | null => {
  if (!current?.isOpen) return codes.some((code) => code.isOpen) ? 'code-expired' : 'code-not-sent'
  if (current.attempts >= policy.maxAttempts) return 'code-exhausted'
  if (current.isExpired) return 'code-expired'
  const isOlder = codes.some((code) => !code.isCurrent && isCodeTyped(keyring, code, typed))
  const isCurrent = isCodeTyped(keyring, current, typed)
  return isOlder && !isCurrent ? 'code-expired' : null
}

type Guess = { user: Credentials; code: CodeRow; typed: string; spending: WrongCodes; mailboxKey: Buffer }

const guess = async (
  tx: Tx,
  { keyring, policy }: ActivateTools,
  { user, code, typed, spending, mailboxKey }: Guess,
): Promise<Activated> => {
  const isRight = isCodeTyped(keyring, code, typed)
  // Past the budget a right code and a wrong one get the same answer: what is sent behind the look is undone then.
  const [, attempts, isActivated] = await Promise.all([
    isRight ? spending.check(tx) : spending.spend(tx),
    countAttempt(tx, code.id),
    // Who has the right code of a registration that can never be active has not guessed.
    isRight ? activateUser(tx, user.id, user.passwordHash) : insertGuess(tx, mailboxKey),
  ])
  if (isActivated) return 'activated'
  return { refusal: 'code-incorrect', attemptsLeft: Math.max(0, policy.maxAttempts - attempts) }
}

/** A code whose key is gone is nobody's. */
const isCodeTyped = (keyring: Keyring, code: CodeRow, typed: string): boolean => {
  const digits = deriveCode(keyring, code)
  return digits !== null && isSameCode(typed, digits)
}
