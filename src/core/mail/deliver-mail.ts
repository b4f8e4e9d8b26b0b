import { setTimeout as sleep } from 'node:timers/promises'
import { keepLease, LEASE_SECONDS } from '../outbox/keep-lease.ts'
import { untilRecorded } from '../outbox/until-recorded.ts'
import { postponeMail, settleMail } from '../postgres/outbox/mail-outcomes.ts'
import { withTimeLimit } from '../process/http/time-limit.ts'
import { backOffMs } from './back-off.ts'
import { type DeliverRequest, type DeliverTools, type Delivery, LEASE_LOST } from './delivery.ts'
import { MailerUnavailable, MailRefused } from './mailer.ts'
import { type PreparedMail, prepareMail } from './prepare-mail.ts'
import type { Answer } from './routing/provider-health.ts'
import { AFTERWARDS, type MailProvider } from './routing/routes.ts'

const MAX_PREPARE_MS = (LEASE_SECONDS / 2) * 1000

/**
 * Tries once to bring a mail to the provider. May run twice, even at once, for the same mail: the lease in its row lets
 * one through, a settled mail is not sent again, and a try whose end nobody recorded is repeated with the same key and bytes.
 */
export const deliverMail = async (
  tools: DeliverTools,
  { mailId, signal, report, ...request }: DeliverRequest,
): Promise<Delivery> => {
  let open = request.open ?? tools.providers.filter((provider) => provider !== undefined)
  for (;;) {
    const begun = performance.now()
    const { tag, prepared } = await prepareMail(tools, { mailId, open })
    const mail = prepared.is === 'ready' ? prepared.mail : null
    if (mail) open = open.filter((provider) => provider !== mail.provider)
    const delivery =
      prepared.is === 'ready' ? await send(tools, prepared.mail, { signal, begun, others: open }) : prepared.delivery
    const provider = mail?.message ? mail.provider.name : null
    report?.({ mailId, ...tag, provider, delivery, durationMs: Math.round(performance.now() - begun) })
    if (delivery.end !== 'later' || !delivery.isForTheOther) return delivery
  }
}

type Try = { signal: AbortSignal; begun: number; others: readonly MailProvider[] }

const send = async (tools: DeliverTools, prepared: PreparedMail, { signal, begun, others }: Try): Promise<Delivery> => {
  // A process that was held up so long may have lost its lease: nothing leaves, and the code that it opened is closed.
  if (performance.now() - begun > MAX_PREPARE_MS) return postpone(tools, prepared, HELD_UP, [])
  return keepLease(tools.pool, 'mails', { id: prepared.mailId, token: prepared.token }, async () => {
    const answer = await callProvider(tools, prepared, signal)
    const answeredAt = performance.now()
    return untilRecorded(signal, () => recordAnswer(tools, prepared, { answer, answeredAt, others }))
  })
}

const HELD_UP = new MailerUnavailable('held-up', { isClearNo: true })

const callProvider = async (tools: DeliverTools, mail: PreparedMail, signal: AbortSignal): Promise<Answer> => {
  const { mailer, health } = mail.provider
  const { message, idempotencyKey } = mail
  if (!message) return answerAsProvider(mail)
  const begun = performance.now()
  const answer = await withTimeLimit(signal, tools.delivery.timeoutMs, (limited) =>
    mailer.send(message, { idempotencyKey, signal: limited }),
  ).catch((error: unknown): Answer => {
    if (error instanceof MailRefused || error instanceof MailerUnavailable) return error
    tools.logger.error({ err: error, mailId: mail.mailId }, 'a mailer broke its contract; the mail is tried again')
    return new MailerUnavailable('mailer-broken', { isClearNo: false, cause: error })
  })
  health.note(mail.mailId, answer, performance.now() - begun)
  return answer
}

/** The answer to a mail that does not leave: what the provider said to the owner's notice, or would say now, after as long. */
const answerAsProvider = async ({ provider: { health }, noticeRefusal }: PreparedMail): Promise<Answer> => {
  await sleep(health.latencyMs())
  const expected = health.expected()
  const isRefused = noticeRefusal !== null && !(expected instanceof MailerUnavailable)
  return isRefused ? new MailRefused(noticeRefusal) : expected
}

type Answered = { answer: Answer; answeredAt: number; others: readonly MailProvider[] }

const recordAnswer = (
  tools: DeliverTools,
  mail: PreparedMail,
  { answer, answeredAt, others }: Answered,
): Promise<Delivery> => {
  if (answer instanceof MailRefused) return refuse(tools, mail, answer.message)
  if (answer instanceof MailerUnavailable) return postpone(tools, mail, answer, others)
  return accept(tools, mail, answer.providerId, (performance.now() - answeredAt) / 1000)
}

const accept = async (
  { pool, policy, raisesEvents }: DeliverTools,
  { mailId, token, isCodeOut, message, provider }: PreparedMail,
  providerId: string | null,
  agoSeconds: number,
): Promise<Delivery> => {
  const code = isCodeOut ? 'sent-before' : 'sent'
  const { ttlSeconds } = policy
  const settled = await settleMail(pool, {
    ...{ mailId, token, providerId, agoSeconds, ttlSeconds, code, isHeldBack: message === null },
    ...(message && { provider: provider.name }),
    ...{ outcome: 'accepted', raisesEvents },
  })
  return settled ? { end: 'done', outcome: 'accepted', settled } : LEASE_LOST
}

const refuse = async (tools: DeliverTools, mail: PreparedMail, reason: string): Promise<Delivery> => {
  const settled = await endFailed(tools, mail, 'refused', reason, !mail.isCodeOut)
  return settled ? { end: 'failed', reason, settled } : LEASE_LOST
}

const postpone = async (
  tools: DeliverTools,
  mail: PreparedMail,
  answer: MailerUnavailable,
  others: readonly MailProvider[],
): Promise<Delivery> => {
  // A clear no closes the code again; after silence somebody may have it, and after an earlier silence still.
  const isClosed = answer.isClearNo && !mail.isCodeOut
  if (mail.giveUpInMs <= 0) {
    const settled = await endFailed(tools, mail, 'given-up', answer.message, isClosed)
    return settled ? { end: 'failed', reason: `given-up: ${answer.message}`, settled } : LEASE_LOST
  }
  const kind = answer.isKeyUnusable ? 'key-unusable' : answer.isClearNo ? 'clear-no' : 'silence'
  const next = AFTERWARDS[kind][mail.isCodeOut ? 'somebody-may-have-it' : 'nobody-has-it']
  const isForTheOther = next === 'the-other-at-once' && others.length > 0
  const retryAfterMs = isForTheOther ? null : answer.retryAfterMs
  const backOff = isForTheOther ? 0 : Math.max(retryAfterMs ?? 0, backOffMs(mail.attempt))
  const inMs = Math.ceil(Math.min(backOff, mail.giveUpInMs))
  const isPostponed = await postponeMail(tools.pool, {
    mailId: mail.mailId,
    token: mail.token,
    error: answer.message,
    inMs,
    retryAfterMs,
    code: isClosed ? 'closed' : 'kept',
    isKeyUnusable: answer.isKeyUnusable,
  })
  if (!isPostponed) return LEASE_LOST
  return {
    end: 'later',
    reason: answer.message,
    inMs,
    ...(answer.isAboutUs && { isAboutUs: true }),
    ...(isForTheOther && { isForTheOther }),
  }
}

const endFailed = (
  { pool, policy, raisesEvents }: DeliverTools,
  { mailId, token }: PreparedMail,
  outcome: 'refused' | 'given-up',
  error: string,
  isClosed: boolean,
) => {
  const code = isClosed ? 'closed' : 'kept'
  return settleMail(pool, { mailId, token, outcome, error, ttlSeconds: policy.ttlSeconds, code, raisesEvents })
}
