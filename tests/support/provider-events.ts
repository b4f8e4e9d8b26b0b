import { randomUUID } from 'node:crypto'
import type { EventSource, SignedEvent } from '../../dev/mail-sandbox/provider/facts.ts'
import { factsOf } from '../../dev/mail-sandbox/provider/fixtures.ts'
import { type ProviderName, providers } from '../../src/core/mail/providers/providers.ts'
import type { Report } from '../../src/core/mail/providers/report.ts'
import { type Sns, signBySns, TOPIC } from './sns.ts'

type ProviderEvents = Pick<EventSource, 'secret' | 'signsTime' | 'ignored'> & {
  /** An event about the mail that the provider took under `id`. */
  about(kind: Report['kind'], id: string, at?: Date): unknown
  sign(event: unknown, at?: Date): SignedEvent
}

/** The events of the provider, as its fixture writes and signs them; SES's are signed as only SNS can. */
export const openEvents = (name: ProviderName, sns?: () => Sns): ProviderEvents => {
  const source = name === 'ses' && sns ? sesEvents(sns) : factsOf(name).openEvents?.()
  if (!source) throw new Error(`the fixture of ${name} makes no events`)
  const { secret, signsTime, ignored } = source
  return {
    secret,
    signsTime,
    ignored,
    about: (kind, id, at = new Date()) => {
      const mail = { id, from: 'Latchkey <codes@latchkey.example>', to: ['ada@example.com'], subject: 'Your code' }
      return source.event(kind, { ...mail, createdAt: at.toISOString() }, at)
    },
    sign: (event, at = new Date()) => source.sign(JSON.stringify(event), { id: randomUUID(), at }),
  }
}

/** The id by which we know a mail that the provider has taken under its own. */
export const idOf = (name: ProviderName, id: string): string => {
  const { status, headers = {}, body } = factsOf(name).accept(id)
  return providers[name].readId({ status, headers, body: typeof body === 'string' ? body : '{}', json: body }) ?? ''
}

/** SES's events (https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html), as SNS hands them on. */
const sesEvents = (sns: () => Sns): EventSource => ({
  secret: TOPIC,
  signsTime: true,
  ignored: { eventType: 'Open', mail: { messageId: 'x' }, open: { ipAddress: '192.0.2.1' } },
  event: (kind, { id: messageId, to }, at) => ({
    ...EVENTS[kind],
    mail: { messageId, timestamp: at.toISOString(), destination: to },
    ...(kind === 'delivered' && { delivery: { timestamp: at.toISOString() } }),
  }),
  sign: (body, { id, at }) => {
    const message = signBySns({ Message: body, MessageId: id, Timestamp: at.toISOString() }, sns().key)
    const headers = {
      'content-type': 'text/plain; charset=UTF-8',
      'x-amz-sns-message-type': 'Notification',
      'x-amz-sns-topic-arn': TOPIC,
    }
    return { headers, body: JSON.stringify(message) }
  },
})

const EVENTS = {
  delivered: { notificationType: 'Delivery' },
  'hard-bounce': { notificationType: 'Bounce', bounce: { bounceType: 'Permanent', bounceSubType: 'General' } },
  dropped: { eventType: 'Reject', reject: { reason: 'Bad content' } },
  suppressed: {
    notificationType: 'Bounce',
    bounce: { bounceType: 'Permanent', bounceSubType: 'OnAccountSuppressionList' },
  },
  complaint: { notificationType: 'Complaint', complaint: { complaintFeedbackType: 'abuse' } },
}
