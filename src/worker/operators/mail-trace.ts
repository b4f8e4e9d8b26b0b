import { maskEmailAddress } from '../../core/credentials/email-address.ts'
import type { MailTrace } from '../../core/postgres/outbox/mail-traces.ts'
import type { JobTrace } from './job-trace.ts'

/** One mail's trace for the person on call: what happened when, and what holds now. No whole address, no code. */
export const describeMailTrace = (mail: MailTrace, job: JobTrace | 'unreachable'): string => {
  const { ref, email, mailId, userId, requestId } = mail
  const traceId = /"00-([0-9a-f]{32})-/.exec(mail.traceContext ?? '')?.[1]
  return [
    `${ref} to ${maskEmailAddress(email)}`,
    `  mail ${mailId}, registration ${userId}, request ${requestId}${traceId ? `, trace ${traceId}` : ''}`,
    ...eventsOf(mail, linesOf(job)).map(({ at, text }) => `  ${at}  ${text}`),
    `  ${mail.now.toISOString()}  now: ${standingOf(mail, job)}`,
    '',
  ].join('\n')
}

type Event = { at: string; text: string }

const linesOf = (job: JobTrace | 'unreachable'): string[] => (job === null || job === 'unreachable' ? [] : job.lines)

const eventsOf = (mail: MailTrace, lines: string[]): Event[] => {
  const tries = lines.map(readLine)
  const untold = mail.attempts - tries.length
  const events = [
    {
      at: mail.createdAt,
      text: mail.isFirst ? 'registered, and this mail enqueued' : 'another code asked for, and this mail enqueued',
    },
    { at: mail.offeredAt, text: `offered to the queue${mail.offers > 1 ? `, the last of ${mail.offers} times` : ''}` },
    { at: mail.settledAt, text: outcomeOf(mail) },
    { at: mail.provider ? mail.deliveredAt : null, text: `the mailbox took it, reports ${mail.provider}` },
    {
      at: mail.provider ? mail.bouncedAt : null,
      text: `it does not arrive, reports ${mail.provider}: ${mail.bounce}; its code is closed`,
    },
    { at: mail.activatedAt, text: 'registration activated' },
  ].flatMap(({ at, text }) => (at ? [{ at: at.toISOString(), text }] : []))
  const rest = untold > 0 ? [{ at: ' '.repeat(24), text: triesUntold(mail, untold) }] : []
  return [...[...events, ...tries].toSorted((a, b) => a.at.localeCompare(b.at)), ...rest]
}

const triesUntold = (mail: MailTrace, count: number): string =>
  `${count} ${count === 1 ? 'try' : 'tries'} of which the queue tells nothing${mail.lastError ? `; the last error was ${mail.lastError}` : ''}`

/** A line of a job's log begins with its time and with what the head of the trace says already. */
const readLine = (line: string): Event => {
  const [, at = '', text = line] = /^(\S+) (?:.*, (?=try \d))?(.*)$/.exec(line) ?? []
  return { at, text }
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

/** What holds now, what waits and until when, and what to do about it. */
const standingOf = (mail: MailTrace, job: JobTrace | 'unreachable'): string => {
  if (mail.outcome === 'accepted') return codeStanding(mail)
  if (mail.outcome === 'dropped')
    return 'the registration was active already, or a newer code had taken the place of this one'
  if (mail.outcome) return 'nothing is tried any more; when the cause is removed, retry the job in the dashboard'
  if (mail.leaseUntil && mail.leaseUntil > mail.now)
    return `a worker has it in hand, until ${mail.leaseUntil.toISOString()} at most`
  if (mail.retryAt && mail.retryAt > mail.now)
    return `the provider wants it later: not before ${mail.retryAt.toISOString()}`
  if (mail.offers === 0) return 'it waits for a relay to offer it to the queue: see whether a worker is running'
  if (job === 'unreachable')
    return 'the queue cannot be reached, so its part is missing here; the mail is offered again when it can'
  if (job === null) return 'the queue does not hold it; the relay offers it again within 40 seconds'
  if (job.pausedForMs > 0) return `all mails wait for the provider, for ${(job.pausedForMs / 1000).toFixed(1)} s more`
  return `its job is ${job.state}${nextTryOf(job.lines.at(-1) ?? '')}`
}

const codeStanding = ({ activatedAt, expiresAt, now }: MailTrace): string => {
  if (activatedAt) return 'the registration is active'
  if (!expiresAt) return 'nobody has its code'
  return `its code ${expiresAt > now ? 'is valid until' : 'was valid until'} ${expiresAt.toISOString()}`
}

const nextTryOf = (lastLine: string): string => {
  const [, at, seconds] = /^(\S+) .*next try in ([\d.]+) s$/.exec(lastLine) ?? []
  return at === undefined
    ? ''
    : `, the next try is due at ${new Date(Date.parse(at) + Number(seconds) * 1000).toISOString()}`
}
