import { createHmac, randomUUID } from 'node:crypto'
import { maskEmailAddress } from '../credentials/email-address.ts'
import { LEASE_SECONDS } from '../outbox/keep-lease.ts'
import {
  type ClaimedMail,
  claimMail,
  findNoticeRefusal,
  openCode,
  replaceCode,
  takeNotice,
} from '../postgres/outbox/mail-claims.ts'
import { endUntriedMail, postponeMail, settleMail } from '../postgres/outbox/mail-outcomes.ts'
import { deriveCode } from '../registration/activation-code.ts'
import { digitsFor, isTooShort } from '../registration/enqueue-code.ts'
import { type DeliverTools, type Delivery, LEASE_LOST, type MailTag } from './delivery.ts'
import type { Mailer, OutgoingMail } from './mailer.ts'
import { chooseProvider, type Holder, type MailProvider } from './routing/routes.ts'

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
  /** Where it goes. */
  provider: MailProvider
  /** The word with which the provider refused the notice that this mail stands behind; null when it did not. */
  noticeRefusal: string | null
  giveUpInMs: number
}

/**
 * Claims the mail and opens its code's time, or tells what becomes of the job instead. Each step is one statement that decides
 * for itself, so that a process may die between any two.
 */
export const prepareMail = async (
  tools: DeliverTools,
  mailId: string,
  open: readonly MailProvider[],
): Promise<{ tag: MailTag; prepared: PreparedMail | Delivery }> => {
  const token = randomUUID()
  const { giveUpAfterSeconds } = tools.delivery
  const mail = await claimMail(tools.pool, { mailId, token, leaseSeconds: LEASE_SECONDS, giveUpAfterSeconds })
  if (!mail) return { tag: GONE, prepared: DROPPED }
  const { requestId, ref, attempts: attempt } = mail
  const tag = { requestId, ref, attempt, to: maskEmailAddress(mail.email) }
  const prepared = mail.isClaimed
    ? await prepareClaimed(tools, { ...mail, mailId, token }, open)
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

/** The tools, bound to the provider that the mail goes to. */
type BoundTools = DeliverTools & { mailer: Mailer }

type OwnMail = ClaimedMail & { mailId: string; token: string }

const prepareClaimed = async (
  tools: DeliverTools,
  mail: OwnMail,
  open: readonly MailProvider[],
): Promise<PreparedMail | Delivery> => {
  const { mailId, token, attempts: attempt, giveUpInMs } = mail
  if (mail.isUserActive || mail.isCodeSuperseded) return drop(tools, mail)
  const provider = chooseProvider(tools.providers, open, holderOf(tools, mail))
  if (!provider) return wait(tools, mail)
  const bound = { ...tools, mailer: provider.mailer }
  const code = (await openFormer(bound, mail)) ?? (await openFresh(bound, mail))
  // Superseded by a resend meanwhile.
  if (!code) return drop(tools, mail)
  const sending = mail.isAddressTaken
    ? await prepareNotice(bound, mail)
    : {
        message: codeMailOf(tools, mail, code.digits),
        idempotencyKey: code.id,
        noticeRefusal: null,
      }
  return { mailId, token, attempt, giveUpInMs, provider, isCodeOut: code.isOut, ...sending }
}

/** Who may have the mail: the digest of what went under its code's key names the provider. */
const holderOf = (tools: DeliverTools, mail: OwnMail): Holder => {
  const { mailDigest } = mail
  if (mail.codeSecondsLeft === null || !mailDigest) return 'nobody'
  const isRepeatable = mail.codeSecondsLeft >= tools.policy.ttlSeconds / 2
  const digits = deriveCode(tools.keyring, { id: mail.codeId, digits: mail.digits, keyId: mail.keyId }) ?? ''
  const isOf = (provider: MailProvider | undefined) =>
    provider !== undefined &&
    digestOfCodeMail({ ...tools, mailer: provider.mailer }, mail, { keyId: mail.keyId, digits }).equals(mailDigest)
  const [first, second] = tools.providers
  if (isOf(first)) return isRepeatable ? 'first' : 'not-first'
  return isRepeatable && isOf(second) ? 'second' : 'nobody'
}

const MAX_WAIT_MS = 5000

/** The provider that may have the mail must not be tried now, and the other must not have it while its code lives. */
const wait = async ({ pool, policy }: DeliverTools, mail: OwnMail): Promise<Delivery> => {
  const { mailId, token, giveUpInMs } = mail
  const repeatableMs = ((mail.codeSecondsLeft ?? 0) - policy.ttlSeconds / 2) * 1000
  const inMs = Math.ceil(Math.max(100, Math.min(MAX_WAIT_MS, giveUpInMs, repeatableMs + 100)))
  const later = { mailId, token, error: WAITS, inMs, retryAfterMs: null, code: 'kept', isKeySpoilt: false } as const
  return (await postponeMail(pool, later)) ? { end: 'later', reason: WAITS, inMs } : LEASE_LOST
}

const WAITS = 'waits-for-its-provider'

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
const openFormer = async (tools: BoundTools, mail: OwnMail): Promise<OpenedCode | null> => {
  const { keyring, policy, pool } = tools
  const digits = deriveCode(keyring, { id: mail.codeId, digits: mail.digits, keyId: mail.keyId })
  if (digits === null) return null
  const isOut = mail.codeSecondsLeft !== null
  // A code that somebody may have in hand lasts through a surge of guesses elsewhere.
  const isShort = isOut ? await isTooShort(pool, tools, mail) : mail.digits < (await digitsFor(pool, tools, mail.email))
  if (isShort) return null
  const opening = { codeId: mail.codeId, ttlSeconds: policy.ttlSeconds, maxAttempts: policy.maxAttempts }
  const isOpened = await openCode(pool, {
    ...opening,
    digest: digestOfCodeMail(tools, mail, { keyId: mail.keyId, digits }),
  })
  return isOpened ? { id: mail.codeId, digits, isOut } : null
}

/** Opens a fresh code, under a fresh key. Null when the lease has passed on, or a resend was sooner. */
const openFresh = async (tools: BoundTools, mail: OwnMail): Promise<OpenedCode | null> => {
  const { keyring, policy, pool } = tools
  const fresh = { id: randomUUID(), digits: await digitsFor(pool, tools, mail.email), keyId: keyring[0].id }
  const digits = deriveCode(keyring, fresh) ?? ''
  const { mailId, token, userId, codeId: formerId } = mail
  const digest = digestOfCodeMail(tools, mail, { keyId: fresh.keyId, digits })
  const isReplaced = await replaceCode(pool, {
    ...{ mailId, token, userId, formerId, fresh, digest },
    ttlSeconds: policy.ttlSeconds,
  })
  return isReplaced ? { id: fresh.id, digits, isOut: false } : null
}

/** A notice brings no code: what the registrant sees follows the code all the same, and the notice's own key and bytes are the mail's. */
const prepareNotice = async (
  { pool, mailer, texts }: BoundTools,
  { mailId, email, ref, locale, ownerLocale }: OwnMail,
): Promise<Pick<PreparedMail, 'message' | 'idempotencyKey' | 'noticeRefusal'>> => {
  const message = texts.noticeMail({ to: email, ref, locale: ownerLocale ?? locale })
  const digest = digestOf(NO_SECRET, mailer.format, message)
  const key = await takeNotice(pool, { mailId, email, digest, freshKey: randomUUID() })
  if (key !== null) return { message, idempotencyKey: key, noticeRefusal: null }
  return { message: null, idempotencyKey: mailId, noticeRefusal: await findNoticeRefusal(pool, email) }
}

const codeMailOf = ({ texts }: DeliverTools, { email, ref, locale }: OwnMail, code: string): OutgoingMail =>
  texts.codeMail({ to: email, ref, locale, code })

/** Under the code's own secret: whoever reads the table could else try all digits until the digest fits. */
const digestOfCodeMail = (tools: BoundTools, mail: OwnMail, code: { keyId: string; digits: string }): Buffer => {
  const { keyring, mailer } = tools
  const key = keyring.find(({ id }) => id === code.keyId)?.lookups ?? NO_SECRET
  return digestOf(key, mailer.format, codeMailOf(tools, mail, code.digits))
}

// A notice has none.
const NO_SECRET = Buffer.alloc(0)

/** Two mails with the same digest leave as the same bytes: it covers the mail, and what the mailer adds. */
const digestOf = (key: Buffer, format: string | undefined, { to, subject, text, html }: OutgoingMail): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify([format, to, subject, text, html]))
    .digest()
    .subarray(0, 16)
