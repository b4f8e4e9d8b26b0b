import { createHmac, randomUUID } from 'node:crypto'
import { openCode, replaceCode } from '../postgres/codes/open-code.ts'
import type { ClaimedMail } from '../postgres/outbox/mail-claims.ts'
import { deriveCode } from '../registration/activation-code.ts'
import { CODE_STATES, codeStateOf, isShort } from '../registration/code-state.ts'
import { digitsFor, guessingAt, isTooShort } from '../registration/new-code.ts'
import type { DeliverTools } from './delivery.ts'
import type { Mailer, OutgoingMail } from './mailer.ts'

/** The tools, bound to the provider that the mail goes to. */
export type BoundTools = DeliverTools & { mailer: Mailer }

/** A mail that is held under this token. */
export type OwnMail = ClaimedMail & { mailId: string; token: string }

/** What the state of the mail's code asks for. */
export const nextOf = async (tools: DeliverTools, mail: OwnMail) => {
  const { codeSecondsLeft, codeAttempts: attempts, digits, email } = mail
  const isOpen = codeSecondsLeft !== null
  const isGuessedOut = isOpen && (await isTooShort(tools.pool, tools, { email, digits }))
  const facts = { isOpen, attempts, digits, isGuessedOut, isCurrent: !mail.isCodeSuperseded }
  const isExpired = isOpen && codeSecondsLeft <= 0
  return CODE_STATES[codeStateOf({ ...facts, isExpired }, tools.policy.maxAttempts)].next
}

/** `isOut`: somebody may have it already. */
type OpenedCode = { id: string; message: OutgoingMail; isOut: boolean }

/**
 * Opens the code that the mail has. An unanswered one is repeated while half of its time is left and it can still be used. Null
 * when a fresh one has to take its place, also as other bytes would leave under its key, or the key is unusable.
 */
export const openFormer = async (tools: BoundTools, mail: OwnMail): Promise<OpenedCode | null> => {
  const { keyring, policy, pool } = tools
  const digits = deriveCode(keyring, { id: mail.codeId, digits: mail.digits, keyId: mail.keyId })
  if (digits === null) return null
  const isOut = mail.codeSecondsLeft !== null
  const { message, digest } = writeCodeMail(tools, mail, { keyId: mail.keyId, digits })
  const { isOpened, surge } = await openCode(pool, {
    ...{ codeId: mail.codeId, ttlSeconds: policy.ttlSeconds, maxAttempts: policy.maxAttempts, digest },
    // A code that somebody may have in hand lasts through a surge of guesses elsewhere.
    guessing: !isOut && isShort(mail) ? guessingAt(tools, mail.email) : null,
  })
  tools.surge.note(surge)
  return isOpened ? { id: mail.codeId, message, isOut } : null
}

/** Opens a fresh code, under a fresh key. Null when the lease has passed on, or a resend was sooner. */
export const openFresh = async (tools: BoundTools, mail: OwnMail): Promise<OpenedCode | null> => {
  const { keyring, policy, pool } = tools
  const fresh = { id: randomUUID(), digits: await digitsFor(pool, tools, mail.email), keyId: keyring[0].id }
  const digits = deriveCode(keyring, fresh) ?? ''
  const { mailId, token, userId, codeId: formerId } = mail
  const { message, digest } = writeCodeMail(tools, mail, { keyId: fresh.keyId, digits })
  const isReplaced = await replaceCode(pool, {
    ...{ mailId, token, userId, formerId, fresh, digest },
    ttlSeconds: policy.ttlSeconds,
  })
  return isReplaced ? { id: fresh.id, message, isOut: false } : null
}

/** The mail with its digest, under the code's own secret: whoever reads the table could else try all digits until the digest fits. */
export const writeCodeMail = (
  { keyring, mailer, texts }: BoundTools,
  { email, ref, locale }: OwnMail,
  code: { keyId: string; digits: string },
): { message: OutgoingMail; digest: Buffer } => {
  const key = keyring.find(({ id }) => id === code.keyId)?.lookups ?? NO_SECRET
  const message = texts.codeMail({ to: email, ref, locale, code: code.digits })
  return { message, digest: digestOf(key, mailer.format, message) }
}

// A notice has none.
export const NO_SECRET = Buffer.alloc(0)

/** Two mails with the same digest leave as the same bytes: it covers the mail, and what the mailer adds. */
export const digestOf = (key: Buffer, format: string | undefined, { to, subject, text, html }: OutgoingMail): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify([format, to, subject, text, html]))
    .digest()
    .subarray(0, 16)
