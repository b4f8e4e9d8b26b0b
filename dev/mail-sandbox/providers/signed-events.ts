import { createHmac, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import type { ProviderName } from '../../../src/core/mail/provider-names.ts'
import type { EventType } from '../provider/event.ts'

export type SignedEvent = { headers: Record<string, string>; body: string }

/** `secret` is what the service is told as `MAIL_EVENTS_SECRET`. */
export type EventSigner = { secret: string; sign(type: EventType, mailId: string): SignedEvent }

const JSON_TYPE = { 'Content-Type': 'application/json' }
const seconds = () => Math.floor(Date.now() / 1000)

/**
 * Writes and signs events as this provider does. Null where the sandbox cannot: SES signs with a certificate of Amazon's, Mailpit
 * reports nothing; Resend's are the sandbox's own (`provider/reports.ts`).
 */
export function createEventSigner(provider: ProviderName): EventSigner | null {
  switch (provider) {
    case 'postmark':
      return postmarkSigner(`sandbox:${randomBytes(16).toString('hex')}`)
    case 'sendgrid':
      return sendgridSigner()
    case 'mailgun':
      return mailgunSigner(randomBytes(16).toString('hex'))
    case 'brevo':
      return brevoSigner(randomBytes(16).toString('hex'))
    case 'resend':
    case 'ses':
    case 'mailpit':
      return null
  }
}

function postmarkSigner(secret: string): EventSigner {
  const headers = { ...JSON_TYPE, Authorization: `Basic ${Buffer.from(secret).toString('base64')}` }
  const types = {
    'email.delivered': { RecordType: 'Delivery' },
    'email.bounced': { RecordType: 'Bounce', Type: 'HardBounce' },
    'email.complained': { RecordType: 'SpamComplaint', Type: 'SpamComplaint' },
    'email.suppressed': { RecordType: 'Bounce', Type: 'ManuallyDeactivated' },
  }
  const sign = (type: EventType, MessageID: string) => {
    const at = new Date().toISOString()
    const when = type === 'email.delivered' ? { DeliveredAt: at } : { BouncedAt: at }
    return { headers, body: JSON.stringify({ ...types[type], MessageID, ...when }) }
  }
  return { secret, sign }
}

function sendgridSigner(): EventSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const types = {
    'email.delivered': { event: 'delivered' },
    'email.bounced': { event: 'bounce', type: 'bounce' },
    'email.complained': { event: 'spamreport' },
    'email.suppressed': { event: 'dropped', reason: 'Bounced Address' },
  }
  const sign = (type: EventType, mailId: string) => {
    const event = { ...types[type], sg_message_id: `${mailId}.filterdrecv-sandbox-0`, timestamp: seconds() }
    return signBySendgrid(JSON.stringify([event]), privateKey)
  }
  return { secret: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'), sign }
}

function signBySendgrid(body: string, key: KeyObject): SignedEvent {
  const timestamp = String(seconds())
  const headers = {
    ...JSON_TYPE,
    'X-Twilio-Email-Event-Webhook-Timestamp': timestamp,
    'X-Twilio-Email-Event-Webhook-Signature': createSign('sha256').update(`${timestamp}${body}`).sign(key, 'base64'),
  }
  return { headers, body }
}

function mailgunSigner(secret: string): EventSigner {
  const types = {
    'email.delivered': { event: 'delivered' },
    'email.bounced': { event: 'failed', severity: 'permanent', reason: 'bounce' },
    'email.complained': { event: 'complained' },
    'email.suppressed': { event: 'failed', severity: 'permanent', reason: 'suppress-bounce' },
  }
  const sign = (type: EventType, mailId: string) => {
    const [timestamp, token] = [String(seconds()), randomBytes(25).toString('hex')]
    const signature = createHmac('sha256', secret).update(`${timestamp}${token}`).digest('hex')
    const message = { headers: { 'message-id': `${mailId}@sandbox.mailgun.example` } }
    const event = { ...types[type], timestamp: Number(timestamp), message }
    return {
      headers: JSON_TYPE,
      body: JSON.stringify({ signature: { timestamp, token, signature }, 'event-data': event }),
    }
  }
  return { secret, sign }
}

function brevoSigner(secret: string): EventSigner {
  const headers = { ...JSON_TYPE, Authorization: `Bearer ${secret}` }
  const types = {
    'email.delivered': 'delivered',
    'email.bounced': 'hard_bounce',
    'email.complained': 'spam',
    'email.suppressed': 'blocked',
  }
  const sign = (type: EventType, mailId: string) => {
    const event = { event: types[type], 'message-id': `<${mailId}@smtp-relay.mailin.fr>`, ts_event: seconds() }
    return { headers, body: JSON.stringify(event) }
  }
  return { secret, sign }
}
