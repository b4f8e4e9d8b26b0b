import { setTimeout as sleep } from 'node:timers/promises'
import { maskEmailAddress } from '../credentials/email-address.ts'
import { closeCode, markCodeSent } from '../postgres/codes.ts'
import { postponeMail, settleMail } from '../postgres/mail-outcomes.ts'
import { findMailTag } from '../postgres/mails.ts'
import { type Tx, transaction } from '../postgres/pool.ts'
import { backOffMs } from './back-off.ts'
import type { DeliverTools, Delivery, MailTag, Run } from './delivery.ts'
import { keepLease, LEASE_SECONDS } from './keep-lease.ts'
import { MailerUnavailable, MailRefused } from './mailer.ts'
import { type PreparedMail, prepareMail } from './prepare-mail.ts'
import type { ProviderHealth } from './provider-health.ts'

const MAX_PREPARE_MS = (LEASE_SECONDS / 2) * 1000

/**
 * Tries once to bring a mail to the provider. May run twice, even at once, for the same mail: the lease in its row lets
 * one through, a settled mail is not sent again, and a try whose end nobody recorded is repeated with the same key and bytes.
 */
export const deliverMail = async (tools: DeliverTools, mailId: string, run: Run): Promise<Delivery> => {
  const begun = performance.now()
  const prepared = await prepareMail(tools, mailId, run.jobAttempt)
  const isPrepared = 'message' in prepared
  const delivery = isPrepared ? await send(tools, prepared, run.signal, begun) : prepared
  const { requestId, ref, to, attempt } = isPrepared ? prepared : await readTag(tools, mailId)
  const durationMs = Math.round(performance.now() - begun)
  run.report?.({ mailId, requestId, ref, to, attempt, delivery, durationMs })
  return delivery
}

const send = async (
  tools: DeliverTools,
  prepared: PreparedMail,
  signal: AbortSignal,
  begun: number,
): Promise<Delivery> => {
  // A process that was held up so long may have lost its lease before the call.
  if (performance.now() - begun > MAX_PREPARE_MS) return LEASE_LOST
  const answer = await keepLease(tools.pool, prepared, () => callProvider(tools, prepared, signal))
  return transaction(tools.pool, (tx) => settle(tx, tools, prepared, answer))
}

/** Asked for only when the mail was not tried; what became of it does not depend on the answer. */
const readTag = async ({ pool }: DeliverTools, mailId: string): Promise<MailTag> => {
  const row = await findMailTag(pool, mailId).catch(() => null)
  if (!row) return { requestId: null, ref: null, to: null, attempt: 0 }
  return { requestId: row.requestId, ref: row.ref, to: maskEmailAddress(row.email), attempt: row.attempts }
}

type Answer = { providerId: string | null } | MailRefused | MailerUnavailable

const callProvider = async (tools: DeliverTools, mail: PreparedMail, signal: AbortSignal): Promise<Answer> => {
  const { mailer, delivery, health, logger } = tools
  if (!mail.message) return stayAtHome(health)
  const begun = performance.now()
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(delivery.timeoutMs)])
    const sent = await mailer.send(mail.message, { idempotencyKey: mail.idempotencyKey, signal: limited })
    health.noteAnswer(mail.mailId, performance.now() - begun)
    return sent
  } catch (error) {
    if (error instanceof MailRefused) health.noteAnswer(mail.mailId, performance.now() - begun)
    else health.noteTrouble(mail.mailId)
    if (error instanceof MailRefused || error instanceof MailerUnavailable) return error
    logger.error(
      { err: error, mailId: mail.mailId, requestId: mail.requestId },
      'a mailer broke its promise; the mail is tried again',
    )
    return new MailerUnavailable('mailer-broken', { isClearNo: false, cause: error })
  }
}

/** The answer to a mail that does not leave: what the provider would say now, after as long. */
const stayAtHome = async (health: ProviderHealth): Promise<Answer> => {
  await sleep(health.latencyMs())
  return health.isWell() ? { providerId: null } : new MailerUnavailable('provider-in-trouble', { isClearNo: true })
}

const settle = (tx: Tx, tools: DeliverTools, mail: PreparedMail, answer: Answer): Promise<Delivery> => {
  if (answer instanceof MailRefused) return refuse(tx, mail, answer.message)
  if (answer instanceof MailerUnavailable) return postpone(tx, mail, answer)
  return accept(tx, tools, mail, answer.providerId)
}

/** The lease has run out and passed to another run, which settles the mail. */
const LEASE_LOST: Delivery = { end: 'later', reason: 'lease-lost', inMs: 1000 }

const accept = async (
  tx: Tx,
  { policy }: DeliverTools,
  mail: PreparedMail,
  providerId: string | null,
): Promise<Delivery> => {
  const settled = await settleMail(tx, mail.mailId, mail.token, { outcome: 'accepted', providerId })
  if (!settled) return LEASE_LOST
  await markCodeSent(tx, mail.codeId, policy.ttlSeconds, mail.isCodeOut)
  return { end: 'done', outcome: 'accepted', settled }
}

const refuse = async (tx: Tx, mail: PreparedMail, reason: string): Promise<Delivery> => {
  const settled = await settleMail(tx, mail.mailId, mail.token, { outcome: 'refused', error: reason })
  if (!settled) return LEASE_LOST
  if (!mail.isCodeOut) await closeCode(tx, mail.codeId)
  return { end: 'failed', reason, settled }
}

const postpone = async (tx: Tx, mail: PreparedMail, answer: MailerUnavailable): Promise<Delivery> => {
  const isLastTry = mail.giveUpInMs <= 0
  const settled = isLastTry
    ? await settleMail(tx, mail.mailId, mail.token, { outcome: 'given-up', error: answer.message })
    : null
  const isPostponed =
    !isLastTry && (await postponeMail(tx, mail.mailId, mail.token, answer.message, answer.retryAfterMs))
  if (!settled && !isPostponed) return LEASE_LOST
  // A clear no closes the code again; after silence somebody may have it, and after an earlier silence still.
  if (answer.isClearNo && !mail.isCodeOut) await closeCode(tx, mail.codeId)
  if (settled) return { end: 'failed', reason: `given-up: ${answer.message}`, settled }
  const inMs = Math.max(answer.retryAfterMs ?? 0, backOffMs(mail.attempt))
  return {
    end: 'later',
    reason: answer.message,
    inMs: Math.ceil(Math.min(inMs, mail.giveUpInMs)),
    ...(answer.isAboutUs && { isAboutUs: true }),
  }
}
