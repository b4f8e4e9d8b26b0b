import { randomUUID } from 'node:crypto'
import { maskEmailAddress } from '../credentials/email-address.ts'
import { LEASE_SECONDS } from '../outbox/keep-lease.ts'
import { type Attempted, claimMail, findUnclaimed, type UnclaimedMail } from '../postgres/outbox/mail-claims.ts'
import { endUntriedMail, postponeMail, settleMail } from '../postgres/outbox/mail-outcomes.ts'
import { findNoticeRefusal, takeNotice } from '../postgres/outbox/notices.ts'
import { type DeliverTools, type Delivery, LEASE_LOST, type MailTag } from './delivery.ts'
import type { OutgoingMail } from './mailer.ts'
import {
  type BoundTools,
  codeMailDigest,
  firstOpening,
  nextOf,
  noticeMailDigest,
  type OpenedCode,
  type OwnMail,
  openedAtClaim,
  openFormer,
  openFresh,
} from './open-code.ts'
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

/** What came of preparing: a mail to be sent, or what becomes of the job without a send. */
export type Prepared = { is: 'ready'; mail: PreparedMail } | { is: 'ended'; delivery: Delivery }

const ended = (delivery: Delivery): Prepared => ({ is: 'ended', delivery })

/**
 * Claims the mail and opens its code's time, or tells what becomes of the job instead. Each step is one statement that decides
 * for itself, so that a process may die between any two.
 */
export const prepareMail = async (
  tools: DeliverTools,
  { mailId, open }: { mailId: string; open: readonly MailProvider[] },
): Promise<{ tag: MailTag; prepared: Prepared }> => {
  const token = randomUUID()
  const { giveUpAfterSeconds } = tools.delivery
  const first = chooseProvider(tools.providers, open, 'nobody')
  const opening = first && firstOpening(tools, first.mailer)
  const claim = { mailId, token, leaseSeconds: LEASE_SECONDS, giveUpAfterSeconds, opening }
  const mail = await claimMail(tools.pool, claim)
  if (!mail) return prepareUnclaimed(tools, mailId)
  tools.surge.note(mail)
  return { tag: tagOf(mail), prepared: await prepareClaimed(tools, { ...mail, mailId, token }, { first, open }) }
}

const tagOf = ({ requestId, ref, email, attempts }: Attempted): MailTag => ({
  requestId,
  ref,
  to: maskEmailAddress(email),
  attempt: attempts,
})

const prepareUnclaimed = async (tools: DeliverTools, mailId: string): Promise<{ tag: MailTag; prepared: Prepared }> => {
  const mail = await findUnclaimed(tools.pool, mailId, tools.delivery.giveUpAfterSeconds)
  if (!mail) return { tag: GONE, prepared: ended(DROPPED) }
  return { tag: tagOf(mail), prepared: ended(await explain(tools, mailId, mail)) }
}

const GONE: MailTag = { requestId: null, ref: null, to: null, attempt: 0 }
const DROPPED: Delivery = { end: 'done', outcome: 'dropped' }

/** Why the mail could not be claimed. */
const explain = async (tools: DeliverTools, mailId: string, mail: UnclaimedMail): Promise<Delivery> => {
  if (mail.outcome === 'accepted' || mail.outcome === 'dropped') return DROPPED
  if (mail.outcome) return { end: 'failed', reason: mail.outcome }
  const later = (reason: string, ms: number): Delivery => ({ end: 'later', reason, inMs: Math.ceil(ms) + 100 })
  if (!mail.isHeldBack) return later('taken-by-another-run', mail.waitMs)
  if (mail.giveUpInMs > 0) return later('held-back-by-provider', Math.min(mail.waitMs, mail.giveUpInMs))
  const settled = await endUntriedMail(tools.pool, mailId, {
    outcome: 'given-up',
    raisesEvents: tools.raisesEvents,
  })
  return { end: 'failed', reason: 'given-up', ...(settled && { settled }) }
}

/** `first` is where a mail goes that nobody can have yet; null when none may be tried. */
type Routes = { first: MailProvider | null; open: readonly MailProvider[] }

const prepareClaimed = async (tools: DeliverTools, mail: OwnMail, { first, open }: Routes): Promise<Prepared> => {
  if (mail.isOpened && first) return readyFor(tools, mail, first, openedAtClaim(tools, mail))
  const next = mail.isUserActive ? 'drop' : await nextOf(tools, mail)
  if (next === 'drop') return ended(await drop(tools, mail))
  const provider = chooseProvider(tools.providers, open, holderOf(tools, mail))
  if (!provider) return ended(await wait(tools, mail))
  const bound = { ...tools, mailer: provider.mailer }
  const code = (next !== 'replace' && (await openFormer(bound, mail))) || (await openFresh(bound, mail))
  // Superseded by a resend meanwhile.
  if (!code) return ended(await drop(tools, mail))
  return readyFor(tools, mail, provider, code)
}

const readyFor = async (
  tools: DeliverTools,
  mail: OwnMail,
  provider: MailProvider,
  code: OpenedCode,
): Promise<Prepared> => {
  const { mailId, token, attempts: attempt, giveUpInMs } = mail
  const sending = mail.isAddressTaken
    ? await prepareNotice({ ...tools, mailer: provider.mailer }, mail)
    : { message: code.message, idempotencyKey: code.id, noticeRefusal: null }
  return { is: 'ready', mail: { mailId, token, attempt, giveUpInMs, provider, isCodeOut: code.isOut, ...sending } }
}

/** Who may have the mail: the digest of what went under its code's key names the provider. */
const holderOf = (tools: DeliverTools, mail: OwnMail): Holder => {
  const { mailDigest } = mail
  if (mail.codeSecondsLeft === null || !mailDigest) return 'nobody'
  const isRepeatable = mail.codeSecondsLeft >= tools.policy.ttlSeconds / 2
  const isOf = (provider: MailProvider | undefined) =>
    provider !== undefined && codeMailDigest(provider.mailer, tools.texts).equals(mailDigest)
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
  const later = { mailId, token, error: WAITS, inMs, retryAfterMs: null, code: 'kept', isKeyUnusable: false } as const
  return (await postponeMail(pool, later)) ? { end: 'later', reason: WAITS, inMs } : LEASE_LOST
}

const WAITS = 'waits-for-its-provider'

const drop = async ({ pool, policy }: DeliverTools, { mailId, token }: OwnMail): Promise<Delivery> => {
  const { ttlSeconds } = policy
  const settled = await settleMail(pool, {
    mailId,
    token,
    outcome: 'dropped',
    ttlSeconds,
    code: 'kept',
    raisesEvents: false,
  })
  return settled ? { ...DROPPED, settled } : LEASE_LOST
}

/** A notice brings no code: what the registrant sees follows the code all the same, and the notice's own key and bytes are the mail's. */
const prepareNotice = async (
  { pool, mailer, texts }: BoundTools,
  { mailId, email, ref, locale, ownerLocale }: OwnMail,
): Promise<Pick<PreparedMail, 'message' | 'idempotencyKey' | 'noticeRefusal'>> => {
  const message = texts.noticeMail({ to: email, ref, locale: ownerLocale ?? locale })
  const digest = noticeMailDigest(mailer, message)
  const key = await takeNotice(pool, { mailId, email, digest, freshKey: randomUUID() })
  if (key !== null) return { message, idempotencyKey: key, noticeRefusal: null }
  return { message: null, idempotencyKey: mailId, noticeRefusal: await findNoticeRefusal(pool, email) }
}
