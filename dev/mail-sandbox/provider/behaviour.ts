import { addressOf } from '../inbox/mail.ts'
import type { EventType } from './event.ts'

/** `silent`: neither takes the mail nor answers. `refused`: answers that this address cannot be sent to. */
export type Behaviour = { takes: 'yes' | 'refused' | 'silent'; reports: EventType[] }

const DELIVERS: Behaviour = { takes: 'yes', reports: ['email.delivered'] }

/** What happens to mails for an address of such a domain, or of one below it; the page of the inbox shows them. */
export const domains: { domain: string; behaviour: Behaviour }[] = [
  { domain: 'bounce.test', behaviour: { takes: 'yes', reports: ['email.bounced'] } },
  { domain: 'complaint.test', behaviour: { takes: 'yes', reports: ['email.delivered', 'email.complained'] } },
  { domain: 'suppressed.test', behaviour: { takes: 'yes', reports: ['email.suppressed'] } },
  { domain: 'unreported.test', behaviour: { takes: 'yes', reports: [] } },
  { domain: 'refused.test', behaviour: { takes: 'refused', reports: [] } },
  { domain: 'silent.test', behaviour: { takes: 'silent', reports: [] } },
]

export function behaviourFor(recipient: string | string[]): Behaviour {
  const address = addressOf([recipient].flat()[0] ?? '') ?? ''
  const host = address.slice(address.indexOf('@') + 1)
  return domains.find(({ domain }) => host === domain || host.endsWith(`.${domain}`))?.behaviour ?? DELIVERS
}
