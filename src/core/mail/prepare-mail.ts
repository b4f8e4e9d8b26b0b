import { createHash, randomUUID } from 'node:crypto'
import { maskEmailAddress } from '../credentials/email-address.ts'
import { type ClaimedMail, claimMail, openCode, replaceCode, takeNotice } from '../postgres/outbox/mail-claims.ts'
import { endUntriedMail, settleMail } from '../postgres/outbox/mail-outcomes.ts'
import { deriveCode } from '../registration/activation-code.ts'
import { digitsFor, isTooShort } from '../registration/enqueue-code.ts'
import { type DeliverTools, type Delivery, LEASE_LOST, type MailTag } from './delivery.ts'
import { LEASE_SECONDS } from './keep-lease.ts'
import type { OutgoingMail } from './mailer.ts'
import { codeMessage, noticeMessage } from './messages.ts'

/** A mail that is claimed and whose code is open, ready for the provider. */
export type PreparedMail = {
  mailId: string
  token: string
  attempt: number
  /** An earlier try was never answered: somebody may have the code, and its deadline stays. */
  isCodeOut: boolean
  /** Null when the owner was told today already: nothing leaves, and for the registrant it looks as if it had. */
  message: OutgoingMail | null
  idempotencyKey: string
  giveUpInMs: number
}

/**
 * Claims the mail and opens its code's time, or tells what becomes of the job instead. Each step is one statement that decides
 * for itself, so that a process may die between any two.
 */
export const prepareMail = async (
  tools: DeliverTools,
  mailId: string,
): Promise<{ tag: MailTag; prepared: PreparedMail | Delivery }> => {
  const token = randomUUID()
  const { giveUpAfterSeconds } = tools.delivery
  const mail = await claimMail(tools.pool, { mailId, token, leaseSeconds: LEASE_SECONDS, giveUpAfterSeconds })
  if (!mail) return { tag: GONE, prepared: DROPPED }
  const { requestId, ref, attempts: attempt } = mail
  const tag = { requestId, ref, attempt, to: maskEmailAddress(mail.email) }
  const prepared = mail.isClaimed
    ? await prepareClaimed(tools, { ...mail, mailId, token })
    : await explain(tools, mailId, mail)
  return { tag, prepared }
}

const GONE: MailTag = { requestId: null, ref: null, to: null, attempt: 0 }
const DROPPED: Delivery = { end: 'done', outcome: 'dropped' }

/** Why the mail could not be claimed. */
const explain = async (tools: DeliverTools, mailId: string, mail: ClaimedMail): Promise<Delivery> => {
  if (mail.outcome === 'accepted' || mail.outcome === 'dropped') return DROPPED
  if (mail.outcome) return { end: 'failed', reason: mail.outcome }
  const later = (reason: string, ms: number): Delivery => ({ end: 'later', reason, inMs: Math.ceil(ms) + 100 })
  if (!mail.isHeldBack) return later('taken-by-another-run', mail.waitMs)
  if (mail.giveUpInMs > 0) return later('held-back-by-provider', Math.min(mail.waitMs, mail.giveUpInMs))
  const settled = await endUntriedMail(tools.pool, mailId, 'given-up')
  return { end: 'failed', reason: 'given-up', ...(settled && { settled }) }
}

type OwnMail = ClaimedMail & { mailId: string; token: string }

const prepareClaimed = async (tools: DeliverTools, mail: OwnMail): Promise<PreparedMail | Delivery> => {
  const { mailId, token, attempts: attempt, giveUpInMs } = mail
  if (mail.isUserActive || mail.isCodeSuperseded) return drop(tools, mail)
  const code = (await openFormer(tools, mail)) ?? (await openFresh(tools, mail))
  // Superseded by a resend meanwhile.
  if (!code) return drop(tools, mail)
  const sending = mail.isAddressTaken
    ? await prepareNotice(tools, mail)
    : { message: codeMessage(mail.email, mail.ref, code.digits, tools.policy.ttlSeconds), idempotencyKey: code.id }
  return { mailId, token, attempt, giveUpInMs, isCodeOut: code.isOut, ...sending }
}

const drop = async ({ pool, policy }: DeliverTools, { mailId, token }: OwnMail): Promise<Delivery> => {
  const { ttlSeconds } = policy
  const settled = await settleMail(pool, { mailId, token, outcome: 'dropped', ttlSeconds, code: 'kept' })
  return settled ? { ...DROPPED, settled } : LEASE_LOST
}

type OpenedCode = { id: string; digits: string; isOut: boolean }

/**
 * Opens the code that the mail has. An unanswered one is repeated while half of its time is left and it can still be used. Null
 * when a fresh one has to take its place, also as other bytes would leave under its key, or the key is spoilt.
 */
const openFormer = async (tools: DeliverTools, mail: OwnMail): Promise<OpenedCode | null> => {
  const { keyring, policy, pool } = tools
  const digits = deriveCode(keyring, { id: mail.codeId, digits: mail.digits, keyId: mail.keyId })
  if (digits === null) return null
  const isOut = mail.codeSecondsLeft !== null
  // A code that somebody may have in hand lasts through a surge of guesses elsewhere.
  const isShort = isOut ? await isTooShort(pool, tools, mail) : mail.digits < (await digitsFor(pool, tools, mail.email))
  if (isShort) return null
  const opening = { codeId: mail.codeId, ttlSeconds: policy.ttlSeconds, maxAttempts: policy.maxAttempts }
  const isOpened = await openCode(pool, { ...opening, digest: digestOfCodeMail(tools, mail, digits) })
  return isOpened ? { id: mail.codeId, digits, isOut } : null
}

/** Opens a fresh code, under a fresh key. Null when the lease has passed on, or a resend was sooner. */
const openFresh = async (tools: DeliverTools, mail: OwnMail): Promise<OpenedCode | null> => {
  const { keyring, policy, pool } = tools
  const fresh = { id: randomUUID(), digits: await digitsFor(pool, tools, mail.email), keyId: keyring[0].id }
  const digits = deriveCode(keyring, fresh) ?? ''
  const { mailId, token, userId, codeId: formerId } = mail
  const digest = digestOfCodeMail(tools, mail, digits)
  const isReplaced = await replaceCode(pool, {
    ...{ mailId, token, userId, formerId, fresh, digest },
    ttlSeconds: policy.ttlSeconds,
  })
  return isReplaced ? { id: fresh.id, digits, isOut: false } : null
}

/** A notice brings no code: what the registrant sees follows the code all the same, and the notice's own key and bytes are the mail's. */
const prepareNotice = async (
  { pool, mailer }: DeliverTools,
  { mailId, email, ref }: OwnMail,
): Promise<Pick<PreparedMail, 'message' | 'idempotencyKey'>> => {
  const message = noticeMessage(email, ref)
  const digest = digestOf(mailer.format, message)
  const key = await takeNotice(pool, { mailId, email, digest, freshKey: randomUUID() })
  return key === null ? { message: null, idempotencyKey: mailId } : { message, idempotencyKey: key }
}

const digestOfCodeMail = ({ mailer, policy }: DeliverTools, mail: OwnMail, digits: string): Buffer =>
  digestOf(mailer.format, codeMessage(mail.email, mail.ref, digits, policy.ttlSeconds))

/** Two mails with the same digest leave as the same bytes: it covers the mail, and what the mailer adds. */
const digestOf = (format: string | undefined, { to, subject, text, html }: OutgoingMail): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([format, to, subject, text, html]))
    .digest()
    .subarray(0, 16)
