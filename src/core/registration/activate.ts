import { mailboxOf } from '../credentials/email-address.ts'
import { type Keyring, lookupKeys } from '../credentials/keyring.ts'
import { type EventTools, raiseEvent } from '../events/raise-event.ts'
import { type CodeRow, countAttempt, listCodes } from '../postgres/codes/codes.ts'
import { insertGuess, isMailboxGuessedOut, lockMailbox } from '../postgres/guesses.ts'
import type { Pool } from '../postgres/pool.ts'
import { type Allowance, checkAllowance, spendAllowance } from '../postgres/rate-limits.ts'
import { type Tx, transaction } from '../postgres/transaction.ts'
import { activateUser, lockUser, type Profile } from '../postgres/users.ts'
import { deriveCode, isSameCode } from './activation-code.ts'
import type { Verified } from './authenticate.ts'
import { CODE_STATES, codeStateOf } from './code-state.ts'
import { describeActive, type RegistrationPolicy, type User } from './status.ts'

export type ActivateTools = EventTools & { pool: Pool; keyring: Keyring; policy: RegistrationPolicy }

/** The code that was typed, and what is left of wrong ones: it is spent with the try, and undoes it when nothing was left. */
export type Attempt = Verified & { typed: string; wrongCodes: Allowance }

/** Why a code does not activate, in the words of the API. */
export const activationRefusals = ['code-incorrect', 'code-not-sent', 'code-expired', 'code-exhausted'] as const

export type Activated =
  | 'activated'
  | 'already-active'
  | 'gone'
  | Exclude<(typeof activationRefusals)[number], 'code-incorrect'>
  | { refusal: 'code-incorrect'; attemptsLeft: number }

/** An active registration, with the seconds from the provider's acceptance of the mail to the activation, if that was recorded. */
export type ActiveUser = { user: User; typedAfterSeconds: number | null }

/** `active` is the registration when it is active now, else null. */
export type Tried = { activated: Activated; active: ActiveUser | null }

/**
 * Tries a code for a registration whose password was just verified. Everything is decided in one transaction that holds
 * the registration and its mailbox, and a refusal is returned, so that its count is committed: parallel guesses spend
 * no more attempts than there are. Only a code that is open, current and not used up is compared, and then counted.
 * Two round trips besides the commit: locks with looks, and what is written.
 */
export const activate = (tools: ActivateTools, attempt: Attempt): Promise<Tried> =>
  transaction(tools.pool, (tx) => tryCode(tx, tools, attempt))

const tryCode = async (tx: Tx, tools: ActivateTools, attempt: Attempt): Promise<Tried> => {
  const { user, logins } = attempt
  const mailboxKeys = lookupKeys(tools.keyring, 'mailbox', mailboxOf(user.email))
  // Sent together, done one after the other: each sees what was done before it got its lock.
  const [, locked, , isGuessedOut, codes] = await Promise.all([
    checkAllowance(tx, logins),
    lockUser(tx, user.id),
    // In one order, and under all keys: another api may know them in another one while they are rotated.
    Promise.all(mailboxKeys.toSorted(Buffer.compare).map((key) => lockMailbox(tx, key))),
    isMailboxGuessedOut(tx, mailboxKeys, tools.policy.guessBudgets),
    listCodes(tx, user.id),
  ])
  if (!locked) return refused('gone')
  if (locked.activatedAt) return { activated: 'already-active', active: activeOf(locked, null) }
  const code = codes.find((candidate) => candidate.isCurrent)
  const refusal = refusalOf(tools, { codes, code, isGuessedOut }, attempt.typed)
  if (refusal || !code) return refused(refusal ?? 'code-not-sent')
  return guess(tx, tools, { ...attempt, code, mailboxKey: mailboxKeys[0] })
}

const refused = (activated: Activated): Tried => ({ activated, active: null })

type Codes = { codes: CodeRow[]; code: CodeRow | undefined; isGuessedOut: boolean }

/** Why the typed code is not even compared; null when it is. */
const refusalOf = (
  { keyring, policy }: ActivateTools,
  { codes, code: current, isGuessedOut }: Codes,
  typed: string,
): Exclude<Activated, object> | null => {
  const told = current
    ? CODE_STATES[codeStateOf({ ...current, isGuessedOut }, policy.maxAttempts)].typed
    : 'code-not-sent'
  if (told === 'code-not-sent') return codes.some((code) => code.isOpen) ? 'code-expired' : 'code-not-sent'
  if (told !== 'compared') return told
  const isTyped = (code: CodeRow) => isCodeTyped(keyring, code, typed)
  const isOlder = codes.some((code) => !code.isCurrent && isTyped(code))
  return isOlder && !codes.some((code) => code.isCurrent && isTyped(code)) ? 'code-expired' : null
}

type Guess = Attempt & { code: CodeRow; mailboxKey: Buffer }

const guess = async (
  tx: Tx,
  tools: ActivateTools,
  { user, code, typed, wrongCodes, mailboxKey }: Guess,
): Promise<Tried> => {
  const isRight = isCodeTyped(tools.keyring, code, typed)
  // Past the budget a right code and a wrong one get the same answer: what is sent behind the look is undone then.
  const [, attempts, activated] = await Promise.all([
    isRight ? checkAllowance(tx, wrongCodes) : spendAllowance(tx, wrongCodes),
    countAttempt(tx, code.id),
    // Who has the right code of a registration that can never be active has not guessed.
    isRight
      ? activateUser(tx, user, () => raiseEvent(tools, tx, 'user.activated', user.id))
      : insertGuess(tx, mailboxKey),
  ])
  if (activated) return { activated: 'activated', active: activeOf(activated, code.sentAt) }
  return refused({ refusal: 'code-incorrect', attemptsLeft: Math.max(0, tools.policy.maxAttempts - attempts) })
}

const activeOf = (profile: Profile, sentAt: Date | null): ActiveUser => {
  const { activatedAt } = profile
  const typedAfterSeconds = sentAt && activatedAt ? Math.max(0, activatedAt.getTime() - sentAt.getTime()) / 1000 : null
  return { user: describeActive(profile), typedAfterSeconds }
}

/** A code whose key is gone matches nothing. */
const isCodeTyped = (keyring: Keyring, code: CodeRow, typed: string): boolean => {
  const digits = deriveCode(keyring, code)
  return digits !== null && isSameCode(typed, digits)
}
