import { setTimeout as sleep } from 'node:timers/promises'
import { postponeMail, settleMail } from '../postgres/outbox/mail-outcomes.ts'
import { backOffMs } from './back-off.ts'
import { type DeliverTools, type Delivery, LEASE_LOST, type Run } from './delivery.ts'
import { keepLease, LEASE_SECONDS } from './keep-lease.ts'
import { MailerUnavailable, MailRefused } from './mailer.ts'
import { type PreparedMail, prepareMail } from './prepare-mail.ts'
import type { ProviderHealth } from './provider-health.ts'
import { untilRecorded } from './until-recorded.ts'

const MAX_PREPARE_MS = (LEASE_SECONDS / 2) * 1000

/**
 * Tries once to bring a mail to the provider. May run twice, even at once, for the same mail: the lease in its row lets
 * one through, a settled mail is not sent again, and a try whose end nobody recorded is repeated with the same key and bytes.
 */
export const deliverMail = async (tools: DeliverTools, mailId: string, run: Run): Promise<Delivery> => {
  const begun = performance.now()
  const { tag, prepared } = await prepareMail(tools, mailId)
  const delivery = 'message' in prepared ? await send(tools, prepared, run.signal, begun) : prepared
  run.report?.({ mailId, ...tag, delivery, durationMs: Math.round(performance.now() - begun) })
  return delivery
}

const send = async (
  tools: DeliverTools,
  prepared: PreparedMail,
  signal: AbortSignal,
  begun: number,
): Promise<Delivery> => {
  // A process that was held up so long may have lost its lease: nothing leaves, and the code that it opened is closed.
  if (performance.now() - begun > MAX_PREPARE_MS) return postpone(tools, prepared, HELD_UP)
  return keepLease(tools.pool, prepared, async () => {
    const answer = await callProvider(tools, prepared, signal)
    const answeredAt = performance.now()
    return untilRecorded(signal, () => settle(tools, prepared, answer, (performance.now() - answeredAt) / 1000))
  })
}

type Answer = { providerId: string | null } | MailRefused | MailerUnavailable

const HELD_UP = new MailerUnavailable('held-up', { isClearNo: true })

const callProvider = async (tools: DeliverTools, mail: PreparedMail, signal: AbortSignal): Promise<Answer> => {
  const { mailer, delivery, health, logger } = tools
  if (!mail.message) return answerAsProvider(health)
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
    logger.error({ err: error, mailId: mail.mailId }, 'a mailer broke its contract; the mail is tried again')
    return new MailerUnavailable('mailer-broken', { isClearNo: false, cause: error })
  }
}

/** The answer to a mail that does not leave: what the provider would say now, after as long. */
const answerAsProvider = async (health: ProviderHealth): Promise<Answer> => {
  await sleep(health.latencyMs())
  return health.isWell() ? { providerId: null } : new MailerUnavailable('provider-in-trouble', { isClearNo: true })
}

const settle = (tools: DeliverTools, mail: PreparedMail, answer: Answer, agoSeconds: number): Promise<Delivery> => {
  if (answer instanceof MailRefused) return refuse(tools, mail, answer.message)
  if (answer instanceof MailerUnavailable) return postpone(tools, mail, answer)
  return accept(tools, mail, answer.providerId, agoSeconds)
}

const accept = async (
  { pool, policy, mailer }: DeliverTools,
  { mailId, token, isCodeOut, message }: PreparedMail,
  providerId: string | null,
  agoSeconds: number,
): Promise<Delivery> => {
  const code = isCodeOut ? 'sent-before' : 'sent'
  const { ttlSeconds } = policy
  const settled = await settleMail(pool, {
    ...{ mailId, token, providerId, agoSeconds, ttlSeconds, code, isHeldBack: message === null },
    ...(message && mailer.provider !== undefined && { provider: mailer.provider }),
    outcome: 'accepted',
  })
  return settled ? { end: 'done', outcome: 'accepted', settled } : LEASE_LOST
}

const refuse = async (tools: DeliverTools, mail: PreparedMail, reason: string): Promise<Delivery> => {
  const settled = await endFailed(tools, mail, 'refused', reason, !mail.isCodeOut)
  return settled ? { end: 'failed', reason, settled } : LEASE_LOST
}

const postpone = async (tools: DeliverTools, mail: PreparedMail, answer: MailerUnavailable): Promise<Delivery> => {
  // A clear no closes the code again; after silence somebody may have it, and after an earlier silence still.
  const isClosed = answer.isClearNo && !mail.isCodeOut
  if (mail.giveUpInMs <= 0) {
    const settled = await endFailed(tools, mail, 'given-up', answer.message, isClosed)
    return settled ? { end: 'failed', reason: `given-up: ${answer.message}`, settled } : LEASE_LOST
  }
  const backOff = Math.max(answer.retryAfterMs ?? 0, backOffMs(mail.attempt))
  const inMs = Math.ceil(Math.min(backOff, mail.giveUpInMs))
  const isPostponed = await postponeMail(tools.pool, {
    mailId: mail.mailId,
    token: mail.token,
    error: answer.message,
    inMs,
    retryAfterMs: answer.retryAfterMs,
    code: isClosed ? 'closed' : 'kept',
    isKeySpoilt: answer.isKeySpoilt,
  })
  if (!isPostponed) return LEASE_LOST
  return { end: 'later', reason: answer.message, inMs, ...(answer.isAboutUs && { isAboutUs: true }) }
}

const endFailed = (
  { pool, policy }: DeliverTools,
  { mailId, token }: PreparedMail,
  outcome: 'refused' | 'given-up',
  error: string,
  isClosed: boolean,
) => {
  const code = isClosed ? 'closed' : 'kept'
  return settleMail(pool, { mailId, token, outcome, error, ttlSeconds: policy.ttlSeconds, code })
}
