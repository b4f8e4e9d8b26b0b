import { randomUUID } from 'node:crypto'
import { mailboxOf } from '../credentials/email-address.ts'
import { type Keyring, lookupKeys } from '../credentials/keyring.ts'
import { insertCode } from '../postgres/codes.ts'
import { isMailboxGuessedOut } from '../postgres/guesses.ts'
import { insertMail } from '../postgres/mails.ts'
import type { Queryable, Tx } from '../postgres/pool.ts'
import type { CodePolicy } from '../process/settings.ts'
import { activeTraceContext } from '../process/telemetry/tracing.ts'
import type { CodeRef } from './activation-code.ts'
import type { GuessSurge } from './guess-surge.ts'

const DIGITS = 4
const DIGITS_UNDER_ATTACK = 8

/** What codes are made with. */
export type CodeTools = { keyring: Keyring; policy: CodePolicy; surge: GuessSurge }

/** Makes a registration's next code and the mail that brings it. The registration must have no current code. */
export const enqueueCode = async (
  tx: Tx,
  tools: CodeTools,
  registration: { userId: string; email: string; requestId: string },
): Promise<void> => {
  const code = await createCode(tx, tools, registration)
  await insertMail(tx, {
    id: randomUUID(),
    userId: registration.userId,
    codeId: code.id,
    requestId: registration.requestId,
    traceContext: activeTraceContext(),
  })
}

/** Makes a registration's next code. */
export const createCode = async (
  tx: Tx,
  tools: CodeTools,
  registration: { userId: string; email: string },
): Promise<CodeRef> => {
  const digits = await digitsFor(tx, tools, registration.email)
  const code = { id: randomUUID(), digits, keyId: tools.keyring[0].id }
  await insertCode(tx, { ...code, userId: registration.userId })
  return code
}

/** How long a new code for this address is: 8 digits when too much was guessed at its mailbox, or all over the service. */
export const digitsFor = async (db: Queryable, tools: CodeTools, email: string): Promise<number> =>
  (await isGuessedOut(db, tools, email)) || (await tools.surge.isOn(db)) ? DIGITS_UNDER_ATTACK : DIGITS

/** Whether so much was guessed at the address's mailbox that its codes of 4 digits are worth nothing any more. */
export const isGuessedOut = (
  db: Queryable,
  { keyring, policy }: Omit<CodeTools, 'surge'>,
  email: string,
): Promise<boolean> => isMailboxGuessedOut(db, lookupKeys(keyring, 'mailbox', mailboxOf(email)), policy.guessBudgets)

/** Whether a code of so many digits is too short for a mailbox that is guessed out. */
export const isTooShort = async (
  db: Queryable,
  tools: Omit<CodeTools, 'surge'>,
  code: { email: string; digits: number },
): Promise<boolean> => code.digits < DIGITS_UNDER_ATTACK && isGuessedOut(db, tools, code.email)
