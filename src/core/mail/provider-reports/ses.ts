import { createVerify } from 'node:crypto'
import * as v from 'valibot'
import { type FetchText, isRecent, isSame, type Report, type ReportReader, readJson, timeOf } from './report.ts'

/**
 * SES through SNS (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html): the signature is checked with the
 * certificate that the message names, which is fetched from SNS itself only. The secret is the ARN of the topic.
 */
export const ses: ReportReader = {
  admits: (headers, secret) => isSame(headers.get('x-amz-sns-topic-arn') ?? secret, secret),
  read: async ({ body, secret, fetchText }) => {
    const message = readJson(body)
    if (message === undefined) return 'malformed'
    if (!v.is(envelope, message) || !isSame(message.TopicArn, secret) || !isOfSns(message.SigningCertURL))
      return 'unauthenticated'
    if (!isRecent(Date.parse(message.Timestamp) / 1000)) return 'unauthenticated'
    if (!(await isSigned(message, fetchText))) return 'unauthenticated'
    if (message.Type === 'SubscriptionConfirmation') return confirm(message.SubscribeURL, fetchText)
    const event = readJson(message.Message)
    return message.Type === 'Notification' && v.is(notification, event) ? reportOf(event) : []
  },
  isSecret: (secret) => /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+$/.test(secret),
}

const envelope = v.object({
  Type: v.string(),
  MessageId: v.string(),
  TopicArn: v.string(),
  Message: v.string(),
  Timestamp: v.string(),
  SignatureVersion: v.picklist(['1', '2']),
  Signature: v.string(),
  SigningCertURL: v.string(),
  Subject: v.optional(v.string()),
  SubscribeURL: v.optional(v.string()),
  Token: v.optional(v.string()),
})

type Envelope = v.InferOutput<typeof envelope>

const isOfSns = (url: string): boolean => {
  const parsed = URL.parse(url)
  return (
    parsed?.protocol === 'https:' &&
    parsed.port === '' &&
    parsed.username === '' &&
    /^sns\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/.test(parsed.hostname)
  )
}

const CERTIFICATES_KEPT = 10
const certificates = new Map<string, string>()

const certificateAt = async (url: string, fetchText: FetchText): Promise<string> => {
  const known = certificates.get(url)
  if (known !== undefined) return known
  const fetched = await fetchText(url)
  if (certificates.size >= CERTIFICATES_KEPT) certificates.clear()
  certificates.set(url, fetched)
  return fetched
}

const isSigned = async (message: Envelope, fetchText: FetchText): Promise<boolean> => {
  const { Type, SignatureVersion, Signature, SigningCertURL, ...fields } = message
  const names = Type === 'Notification' ? NOTIFICATION : CONFIRMATION
  const text = names
    .map((name) => ({ name, value: name === 'Type' ? Type : fields[name] }))
    .flatMap(({ name, value }) => (value === undefined ? [] : [`${name}\n${value}\n`]))
    .join('')
  const certificate = await certificateAt(SigningCertURL, fetchText)
  try {
    const verifier = createVerify(SignatureVersion === '1' ? 'sha1' : 'sha256').update(text, 'utf8')
    return verifier.verify(certificate, Signature, 'base64')
  } catch {
    return false
  }
}

const NOTIFICATION = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const
const CONFIRMATION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'] as const

const confirm = async (url: string | undefined, fetchText: FetchText): Promise<Report[] | 'malformed'> => {
  if (url === undefined || !isOfSns(url)) return 'malformed'
  await fetchText(url)
  return []
}

const at = v.optional(v.object({ timestamp: v.optional(v.string()) }))

/** Of a topic for feedback it is `notificationType`, of event publishing `eventType`. */
const notification = v.object({
  notificationType: v.optional(v.string()),
  eventType: v.optional(v.string()),
  mail: v.object({ messageId: v.string() }),
  bounce: v.optional(
    v.object({
      bounceType: v.optional(v.string()),
      bounceSubType: v.optional(v.string()),
      timestamp: v.optional(v.string()),
    }),
  ),
  delivery: at,
  complaint: at,
})

const reportOf = (event: v.InferOutput<typeof notification>): Report[] => {
  const kind = kindOf(event)
  const time = (event.delivery ?? event.bounce ?? event.complaint)?.timestamp
  return kind === null ? [] : [{ providerId: event.mail.messageId, kind, at: timeOf(time) }]
}

const kindOf = (event: v.InferOutput<typeof notification>): Report['kind'] | null => {
  switch (event.eventType ?? event.notificationType) {
    case 'Delivery':
      return 'delivered'
    case 'Complaint':
      return 'complaint'
    case 'Reject':
      return 'dropped'
    case 'Bounce':
      if (event.bounce?.bounceType !== 'Permanent') return null
      return /suppress/i.test(event.bounce.bounceSubType ?? '') ? 'suppressed' : 'hard-bounce'
    default:
      return null
  }
}
