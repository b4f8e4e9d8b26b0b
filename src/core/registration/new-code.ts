import { randomUUID } from 'node:crypto'
import { mailboxOf } from '../credentials/email-address.ts'
import { type Keyring, lookupKeys } from '../credentials/keyring.ts'
import type { NewCode } from '../postgres/codes/new-codes.ts'
import { type Guessing, isMailboxGuessedOut, readGuessing } from '../postgres/guesses.ts'
import type { Queryable } from '../postgres/transaction.ts'
import type { CodePolicy } from '../process/settings.ts'
import { activeTraceContext } from '../process/telemetry/tracing.ts'
import { isShort, LONG_DIGITS } from './code-state.ts'
import type { GuessSurge } from './guess-surge.ts'

const DIGITS = 4

/** What codes are made with. */
export type CodeTools = { keyring: Keyring; policy: CodePolicy; surge: GuessSurge }

/** A code for this address, and the mail that brings it, to be inserted. */
export const newCode = (tools: CodeTools, { email, requestId }: { email: string; requestId: string }): NewCode => ({
  id: randomUUID(),
  keyId: tools.keyring[0].id,
  digits: DIGITS,
  longDigits: LONG_DIGITS,
  guessing: guessingAt(tools, email),
  mail: { id: randomUUID(), requestId, traceContext: activeTraceContext() },
})

/** What decides how long a code for this address must be. */
export const guessingAt = ({ keyring, policy, surge }: CodeTools, email: string): Guessing => ({
  mailboxKeys: lookupKeys(keyring, 'mailbox', mailboxOf(email)),
  budgets: policy.guessBudgets,
  isSurge: surge.known(),
})

/** How long a new code for this address is: 8 digits when too much was guessed at its mailbox, or all over the service. */
export const digitsFor = async (db: Queryable, tools: CodeTools, email: string): Promise<number> => {
  const { isOut, ...measured } = await readGuessing(db, guessingAt(tools, email))
  tools.surge.note(measured)
  return isOut || measured.isSurge ? LONG_DIGITS : DIGITS
}

/** Whether so much was guessed at the address's mailbox that its codes of 4 digits are worth nothing any more. */
const isGuessedOut = (db: Queryable, { keyring, policy }: Omit<CodeTools, 'surge'>, email: string): Promise<boolean> =>
  isMailboxGuessedOut(db, lookupKeys(keyring, 'mailbox', mailboxOf(email)), policy.guessBudgets)

/** Whether a code of so many digits is too short for a mailbox that is guessed out. */
export const isTooShort = async (
  db: Queryable,
  tools: Omit<CodeTools, 'surge'>,
  code: { email: string; digits: number },
): Promise<boolean> => isShort(code) && isGuessedOut(db, tools, code.email)
