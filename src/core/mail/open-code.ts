import { createHash, randomUUID } from 'node:crypto'
import { openCode, replaceCode } from '../postgres/codes/code-minute.ts'
import type { ClaimedMail, FirstOpening } from '../postgres/outbox/mail-claims.ts'
import { deriveCode } from '../registration/activation-code.ts'
import { CODE_STATES, codeStateOf, isShort } from '../registration/code-state.ts'
import { digitsFor, guessingAt, isTooShort } from '../registration/new-code.ts'
import type { DeliverTools } from './delivery.ts'
import type { Mailer, OutgoingMail } from './mailer.ts'
import type { MailTexts } from './writing/mail-texts.ts'

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
export type OpenedCode = { id: string; message: OutgoingMail; isOut: boolean }

/** How the code of a mail that nobody can have yet is opened with its claim. */
export const firstOpening = ({ keyring, policy, texts, surge }: DeliverTools, mailer: Mailer): FirstOpening => ({
  keyId: keyring[0].id,
  digest: codeMailDigest(mailer, texts),
  ttlSeconds: policy.ttlSeconds,
  budgets: policy.guessBudgets,
  isSurge: surge.known(),
})

/** The code that was opened with the claim. */
export const openedAtClaim = (tools: DeliverTools, mail: OwnMail): OpenedCode => {
  const digits = deriveCode(tools.keyring, { id: mail.codeId, digits: mail.digits, keyId: mail.keyId })
  if (digits === null) throw new Error('a code was opened whose secret is not here')
  return { id: mail.codeId, message: writeCodeMail(tools, mail, digits), isOut: false }
}

/**
 * Opens the code that the mail has. An unanswered one is repeated while half of its time is left and it can still be used. Null
 * when a fresh one has to take its place, also as other bytes would leave under its key, or the key is unusable.
 */
export const openFormer = async (tools: BoundTools, mail: OwnMail): Promise<OpenedCode | null> => {
  const { keyring, policy, pool } = tools
  const digits = deriveCode(keyring, { id: mail.codeId, digits: mail.digits, keyId: mail.keyId })
  if (digits === null) return null
  const isOut = mail.codeSecondsLeft !== null
  const { isOpened, surge } = await openCode(pool, {
    ...{ codeId: mail.codeId, ttlSeconds: policy.ttlSeconds, maxAttempts: policy.maxAttempts },
    digest: codeMailDigest(tools.mailer, tools.texts),
    // A code that somebody may have in hand lasts through a surge of guesses elsewhere.
    guessing: !isOut && isShort(mail) ? guessingAt(tools, mail.email) : null,
  })
  tools.surge.note(surge)
  return isOpened ? { id: mail.codeId, message: writeCodeMail(tools, mail, digits), isOut } : null
}

/** Opens a fresh code, under a fresh key. Null when the lease has passed on, or a resend was sooner. */
export const openFresh = async (tools: BoundTools, mail: OwnMail): Promise<OpenedCode | null> => {
  const { keyring, policy, pool } = tools
  const fresh = { id: randomUUID(), digits: await digitsFor(pool, tools, mail.email), keyId: keyring[0].id }
  const digits = deriveCode(keyring, fresh) ?? ''
  const { mailId, token, userId, codeId: formerId } = mail
  const isReplaced = await replaceCode(pool, {
    ...{ mailId, token, userId, formerId, fresh, digest: codeMailDigest(tools.mailer, tools.texts) },
    ttlSeconds: policy.ttlSeconds,
  })
  return isReplaced ? { id: fresh.id, message: writeCodeMail(tools, mail, digits), isOut: false } : null
}

const writeCodeMail = ({ texts }: DeliverTools, { email, ref, locale }: OwnMail, code: string): OutgoingMail =>
  texts.codeMail({ to: email, ref, locale, code })

/**
 * Of all that decides a code's mail besides what is fixed with the code (address, reference, locale, secret): two with the same digest
 * leave as the same bytes under its key.
 */
export const codeMailDigest = ({ format }: Mailer, { fingerprint }: MailTexts): Buffer =>
  digestOf([format, fingerprint])

/** Of the bytes of a mail: its facts may change from try to try. */
export const noticeMailDigest = ({ format }: Mailer, { to, subject, text, html }: OutgoingMail): Buffer =>
  digestOf([format, to, subject, text, html])

const digestOf = (parts: unknown[]): Buffer =>
  createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16)
