import { randomUUID } from 'node:crypto'
import { insertCode } from '../postgres/codes.ts'
import { isMailboxGuessedOut } from '../postgres/guesses.ts'
import { insertMail } from '../postgres/mails.ts'
import type { Queryable, Tx } from '../postgres/pool.ts'
import type { CodePolicy } from '../settings.ts'
import { activeTraceContext } from '../tracing.ts'
import type { CodeRef } from './activation-code.ts'
import { mailboxOf } from './email-address.ts'
import { type Keyring, lookupKeys } from './keyring.ts'

const DIGITS = 4
const DIGITS_OF_GUESSED_MAILBOX = 8

type CodeTools = { keyring: Keyring; policy: CodePolicy }

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

/** Makes a registration's next code, with 8 digits when too much was guessed at its mailbox. */
export const createCode = async (
  tx: Tx,
  { keyring, policy }: CodeTools,
  registration: { userId: string; email: string },
): Promise<CodeRef> => {
  const digits = await digitsFor(tx, { keyring, policy }, registration.email)
  const code = { id: randomUUID(), digits, keyId: keyring[0].id }
  await insertCode(tx, { ...code, userId: registration.userId })
  return code
}

/** How long a code for this address must be now. */
export const digitsFor = async (db: Queryable, { keyring, policy }: CodeTools, email: string): Promise<number> =>
  (await isMailboxGuessedOut(db, lookupKeys(keyring, 'mailbox', mailboxOf(email)), policy.guessBudgets))
    ? DIGITS_OF_GUESSED_MAILBOX
    : DIGITS
