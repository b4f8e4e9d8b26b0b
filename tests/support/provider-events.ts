import { createHmac, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'
import { Webhook } from 'svix'
import type { ProviderName } from '../../src/core/mail/provider-names.ts'
import type { Report } from '../../src/core/mail/provider-reports/report.ts'
import { type Sns, signBySns, TOPIC } from './sns.ts'

export type SignedEvent = { headers: Record<string, string>; body: string }

/** A provider's events as its documents show them, and signed in its way, by its official package where there is one. */
export type EventSender = {
  secret: string
  event(kind: Report['kind'], providerId: string, at?: Date): unknown
  sign(body: string, at?: Date): SignedEvent
}

const JSON_TYPE = { 'content-type': 'application/json' }
const seconds = (at: Date) => Math.floor(at.getTime() / 1000)

const resendSecret = `whsec_${randomBytes(24).toString('base64')}`
const sendgridKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' })

export const sendgridSigning = {
  privateKey: sendgridKeys.privateKey,
  publicKey: sendgridKeys.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
}

const TYPES = {
  resend: {
    delivered: 'email.delivered',
    'hard-bounce': 'email.bounced',
    dropped: 'email.failed',
    suppressed: 'email.suppressed',
    complaint: 'email.complained',
  },
  sendgrid: {
    delivered: 'delivered',
    'hard-bounce': 'bounce',
    dropped: 'dropped',
    suppressed: 'dropped',
    complaint: 'spamreport',
  },
  mailgun: {
    delivered: 'delivered',
    'hard-bounce': 'failed',
    dropped: 'rejected',
    suppressed: 'failed',
    complaint: 'complained',
  },
  brevo: {
    delivered: 'delivered',
    'hard-bounce': 'hard_bounce',
    dropped: 'error',
    suppressed: 'blocked',
    complaint: 'spam',
  },
} as const

export const eventSenders: Record<Exclude<ProviderName, 'mailpit' | 'ses'>, EventSender> = {
  resend: {
    secret: resendSecret,
    event: (kind, providerId, at = new Date()) => ({
      type: TYPES.resend[kind],
      created_at: at.toISOString(),
      data: { email_id: providerId, to: ['ada@example.com'], bounce: { type: 'Permanent', subType: 'General' } },
    }),
    // Svix's own package signs.
    sign: (body, at = new Date()) => {
      const id = `msg_${randomBytes(8).toString('hex')}`
      const headers = {
        ...JSON_TYPE,
        'svix-id': id,
        'svix-timestamp': String(seconds(at)),
        'svix-signature': new Webhook(resendSecret).sign(id, at, body),
      }
      return { headers, body }
    },
  },
  postmark: {
    secret: 'events:a password: with a colon',
    event: (kind, providerId, at = new Date()) =>
      kind === 'delivered'
        ? { RecordType: 'Delivery', MessageID: providerId, Recipient: 'ada@example.com', DeliveredAt: at.toISOString() }
        : {
            RecordType: kind === 'complaint' ? 'SpamComplaint' : 'Bounce',
            Type: {
              'hard-bounce': 'HardBounce',
              dropped: 'Blocked',
              suppressed: 'ManuallyDeactivated',
              complaint: 'SpamComplaint',
            }[kind],
            MessageID: providerId,
            Email: 'ada@example.com',
            BouncedAt: at.toISOString(),
          },
    sign: (body) => ({
      headers: {
        ...JSON_TYPE,
        authorization: `Basic ${Buffer.from('events:a password: with a colon').toString('base64')}`,
      },
      body,
    }),
  },
  sendgrid: {
    secret: sendgridSigning.publicKey,
    event: (kind, providerId, at = new Date()) => [
      {
        email: 'ada@example.com',
        timestamp: seconds(at),
        event: TYPES.sendgrid[kind],
        sg_message_id: `${providerId}.filterdrecv-5645d9c87f-78xg2-1-5F5FC76C-9.0`,
        ...(kind === 'suppressed' && { reason: 'Bounced Address' }),
        ...(kind === 'hard-bounce' && { type: 'bounce' }),
      },
    ],
    sign: (body, at = new Date()) => ({
      headers: {
        ...JSON_TYPE,
        'x-twilio-email-event-webhook-timestamp': String(seconds(at)),
        'x-twilio-email-event-webhook-signature': createSign('sha256')
          .update(`${seconds(at)}${body}`)
          .sign(sendgridSigning.privateKey, 'base64'),
      },
      body,
    }),
  },
  mailgun: {
    secret: 'a signing key of Mailgun',
    event: (kind, providerId, at = new Date()) => ({
      event: TYPES.mailgun[kind],
      severity: 'permanent',
      reason: kind === 'suppressed' ? 'suppress-bounce' : 'generic',
      timestamp: at.getTime() / 1000,
      message: { headers: { 'message-id': providerId.replaceAll(/[<>]/g, '') } },
    }),
    sign: (body, at = new Date()) => {
      const token = randomBytes(25).toString('hex')
      const timestamp = String(seconds(at))
      const signature = createHmac('sha256', 'a signing key of Mailgun').update(`${timestamp}${token}`).digest('hex')
      const data: unknown = JSON.parse(body)
      return {
        headers: JSON_TYPE,
        body: JSON.stringify({ signature: { timestamp, token, signature }, 'event-data': data }),
      }
    },
  },
  brevo: {
    secret: 'a-token-of-brevo',
    event: (kind, providerId, at = new Date()) => ({
      event: TYPES.brevo[kind],
      email: 'ada@example.com',
      'message-id': providerId,
      ts_event: seconds(at),
    }),
    sign: (body) => ({ headers: { ...JSON_TYPE, authorization: 'Bearer a-token-of-brevo' }, body }),
  },
}

/** SES's events, as SNS hands them on. */
export const sesSender = (sns: () => Sns): EventSender => ({
  secret: TOPIC,
  event: (kind, messageId, at = new Date()) => ({
    ...SES_DETAILS[kind],
    mail: { messageId, timestamp: at.toISOString(), destination: ['ada@example.com'] },
    ...(kind === 'delivered' && { delivery: { timestamp: at.toISOString() } }),
  }),
  sign: (body, at = new Date()) => {
    const message = signBySns({ Message: body, Timestamp: at.toISOString() }, sns().key)
    const headers = {
      'content-type': 'text/plain; charset=UTF-8',
      'x-amz-sns-message-type': 'Notification',
      'x-amz-sns-topic-arn': TOPIC,
    }
    return { headers, body: JSON.stringify(message) }
  },
})

const SES_DETAILS = {
  delivered: { notificationType: 'Delivery' },
  'hard-bounce': { notificationType: 'Bounce', bounce: { bounceType: 'Permanent', bounceSubType: 'General' } },
  dropped: { eventType: 'Reject', reject: { reason: 'Bad content' } },
  suppressed: {
    notificationType: 'Bounce',
    bounce: { bounceType: 'Permanent', bounceSubType: 'OnAccountSuppressionList' },
  },
  complaint: { notificationType: 'Complaint', complaint: { complaintFeedbackType: 'abuse' } },
}
