import { randomUUID } from 'node:crypto'
import { maskEmailAddress } from '../credentials/email-address.ts'
import { openCode, supersedeCode } from '../postgres/codes.ts'
import {
  type ClaimedMail,
  claimMail,
  findMailStanding,
  noteJobAttempt,
  readClaimedMail,
  reviveMail,
  setMailCode,
} from '../postgres/mail-leases.ts'
import { settleMail } from '../postgres/mail-outcomes.ts'
import { type Tx, transaction } from '../postgres/pool.ts'
import { lockUserOfMail, takeNotice } from '../postgres/users.ts'
import { deriveCode } from '../registration/activation-code.ts'
import { createCode, digitsFor, isTooShort } from '../registration/enqueue-code.ts'
import type { DeliverTools, Delivery } from './delivery.ts'
import { LEASE_SECONDS } from './keep-lease.ts'
import type { OutgoingMail } from './mailer.ts'
import { codeMessage, noticeMessage } from './messages.ts'

/** A mail that is claimed and whose code is open, ready for the provider. */
export type PreparedMail = {
  mailId: string
  token: string
  requestId: string
  ref: string
  /** The masked address, for the log. */
  to: string
  attempt: number
  codeId: string
  /** An earlier try was never answered: somebody may have the code, and its deadline stays. */
  isCodeOut: boolean
  /** Null when the owner was told today already: nothing leaves, and for the registrant it looks as if it had. */
  message: OutgoingMail | null
  idempotencyKey: string
  giveUpInMs: number
}

/** Claims the mail and opens its code's time, or tells what becomes of the job instead. */
export const prepareMail = (
  tools: DeliverTools,
  mailId: string,
  jobAttempt: number,
): Promise<PreparedMail | Delivery> =>
  transaction(tools.pool, async (tx) => {
    const token = randomUUID()
    const isRevived = jobAttempt > 0 && (await reviveMail(tx, mailId, jobAttempt))
    if (!(await claimMail(tx, { mailId, token, seconds: LEASE_SECONDS, jobAttempt })))
      return explain(tx, tools, mailId, jobAttempt)
    await lockUserOfMail(tx, mailId)
    const mail = await readClaimedMail(tx, mailId, tools.delivery.giveUpAfterSeconds)
    if (mail.isUserActive || mail.isCodeSuperseded) {
      const settled = await settleMail(tx, mailId, token, { outcome: 'dropped' })
      return { end: 'done', outcome: 'dropped', ...(settled && { settled }) }
    }
    const code = await chooseCode(tx, tools, mailId, mail, isRevived)
    await openCode(tx, code.id, tools.policy.ttlSeconds)
    const { requestId, ref, attempts: attempt, giveUpInMs } = mail
    return {
      mailId,
      token,
      requestId,
      ref,
      to: maskEmailAddress(mail.email),
      attempt,
      giveUpInMs,
      codeId: code.id,
      isCodeOut: code.isOut,
      ...(await choose(tx, tools, mailId, mail, code)),
    }
  })

/** Why the mail could not be claimed. */
const explain = async (tx: Tx, { delivery }: DeliverTools, mailId: string, jobAttempt: number): Promise<Delivery> => {
  const standing = await findMailStanding(tx, mailId, delivery.giveUpAfterSeconds)
  if (!standing || standing.outcome === 'accepted' || standing.outcome === 'dropped')
    return { end: 'done', outcome: 'dropped' }
  if (standing.outcome) return { end: 'failed', reason: standing.outcome }
  await noteJobAttempt(tx, mailId, jobAttempt + (standing.isHeldBack && standing.giveUpInMs <= 0 ? 0 : 1))
  if (!standing.isHeldBack)
    return { end: 'later', reason: 'taken-by-another-run', inMs: Math.ceil(standing.waitMs) + 100 }
  if (standing.giveUpInMs > 0)
    return {
      end: 'later',
      reason: 'held-back-by-provider',
      inMs: Math.ceil(Math.min(standing.waitMs, standing.giveUpInMs)) + 100,
    }
  const settled = await settleMail(tx, mailId, null, { outcome: 'given-up' })
  return { end: 'failed', reason: 'given-up', ...(settled && { settled }) }
}

type ChosenCode = { id: string; digits: string; isOut: boolean }

/**
 * The code that leaves. An unanswered one is repeated while half of its time is left and it can still be used; otherwise
 * a fresh one takes its place, under a fresh key, as it does after an operator's retry.
 */
const chooseCode = async (
  tx: Tx,
  tools: DeliverTools,
  mailId: string,
  mail: ClaimedMail,
  isRevived: boolean,
): Promise<ChosenCode> => {
  const isOut = mail.codeSecondsLeft !== null
  const isStale = mail.codeSecondsLeft !== null && mail.codeSecondsLeft < tools.policy.ttlSeconds / 2
  const digits = deriveCode(tools.keyring, { id: mail.codeId, digits: mail.digits, keyId: mail.keyId })
  // A code that somebody may have in hand lasts through a surge of guesses elsewhere.
  const isShort = isOut ? await isTooShort(tx, tools, mail) : mail.digits < (await digitsFor(tx, tools, mail.email))
  const isUsedUp = mail.codeAttempts >= tools.policy.maxAttempts
  if (digits !== null && !isStale && !isUsedUp && !isShort && !isRevived) return { id: mail.codeId, digits, isOut }
  await supersedeCode(tx, mail.userId)
  const fresh = await createCode(tx, tools, mail)
  await setMailCode(tx, mailId, fresh.id)
  return { id: fresh.id, digits: deriveCode(tools.keyring, fresh) ?? '', isOut: false }
}

const choose = async (
  tx: Tx,
  { policy }: DeliverTools,
  mailId: string,
  mail: ClaimedMail,
  code: ChosenCode,
): Promise<Pick<PreparedMail, 'message' | 'idempotencyKey'>> => {
  if (!mail.isAddressTaken)
    return { message: codeMessage(mail.email, mail.ref, code.digits, policy.ttlSeconds), idempotencyKey: code.id }
  const isNoticeDue = await takeNotice(tx, mail.email, mailId)
  return { message: isNoticeDue ? noticeMessage(mail.email, mail.ref) : null, idempotencyKey: mailId }
}
