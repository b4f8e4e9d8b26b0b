import { maskEmailAddress } from '../../core/credentials/email-address.ts'
import type { MailTrace } from '../../core/postgres/outbox/traces.ts'
import { type Happening, NOTHING_MORE, type TraceWords } from './row-trace.ts'

/** What the trace of a mail tells beside the way of its row. No whole address, no code. */
export const mailWords = (mail: MailTrace): TraceWords => ({
  head: [
    `${mail.ref} to ${maskEmailAddress(mail.email)}`,
    ...[`mail ${mail.mailId}`, `registration ${mail.userId}`, `request ${mail.requestId}`],
  ],
  happenings: happeningsOf(mail),
  outcome: outcomeOf(mail),
  standing: standingOf(mail),
  taker: 'the provider',
  all: 'all mails',
})

const happeningsOf = (mail: MailTrace): Happening[] => {
  const { provider } = mail
  const reports = [
    { at: mail.deliveredAt, text: `the mailbox took it, reports ${provider}` },
    { at: mail.bouncedAt, text: `it does not arrive, reports ${provider}: ${mail.bounce}; its code is closed` },
  ]
  return [
    {
      at: mail.createdAt,
      text: mail.isFirst ? 'registered, and this mail enqueued' : 'another code asked for, and this mail enqueued',
    },
    ...(provider ? reports : []),
    { at: mail.activatedAt, text: 'registration activated' },
  ]
}

const outcomeOf = ({ outcome, provider, providerId, lastError }: MailTrace): string => {
  switch (outcome) {
    case 'accepted':
      return providerId ? `accepted by ${provider ?? 'the provider'} as ${providerId}` : 'accepted'
    case 'refused':
      return `refused for good: ${lastError}`
    case 'given-up':
      return `given up: ${lastError ?? 'it was never tried'}`
    case 'dropped':
      return 'dropped: there was nothing to send any more'
    case null:
      return ''
  }
}

const standingOf = (mail: MailTrace): string => {
  if (mail.outcome === 'accepted') return codeStanding(mail)
  if (mail.outcome === 'dropped')
    return 'the registration was active already, or a newer code had taken the place of this one'
  return NOTHING_MORE
}

const codeStanding = ({ activatedAt, expiresAt, now }: MailTrace): string => {
  if (activatedAt) return 'the registration is active'
  if (!expiresAt) return 'nobody has its code'
  return `its code ${expiresAt > now ? 'is valid until' : 'was valid until'} ${expiresAt.toISOString()}`
}
