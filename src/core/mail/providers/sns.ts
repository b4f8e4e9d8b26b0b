import { createVerify, X509Certificate } from 'node:crypto'
import * as v from 'valibot'
import { type FetchText, isRecent, isSame, type Refusal, type ReportRequest, readJson } from './report.ts'

/**
 * What a message of SNS carries, where it is a notification (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html):
 * its signature is checked with the certificate that it names, which is fetched from SNS itself only. The secret is the ARN of the
 * topic, and a subscription is confirmed for that one alone.
 */
export const openMessage = async ({
  body,
  secret,
  fetchText,
}: Omit<ReportRequest, 'headers'>): Promise<Refusal | { carried: unknown }> => {
  const message = readJson(body)
  if (message === undefined) return 'malformed'
  if (!v.is(envelope, message) || !isSame(message.TopicArn, secret) || !isOfSns(message.SigningCertURL))
    return 'unauthenticated'
  if (!isRecent(Date.parse(message.Timestamp) / 1000)) return 'unauthenticated'
  if (!(await isSigned(message, fetchText))) return 'unauthenticated'
  if (message.Type === 'SubscriptionConfirmation') return confirm(message.SubscribeURL, fetchText)
  return { carried: message.Type === 'Notification' ? readJson(message.Message) : undefined }
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
  // A page of a proxy is none, and is not kept: this throws, and the next message fetches it again.
  new X509Certificate(fetched)
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

const confirm = async (
  url: string | undefined,
  fetchText: FetchText,
): Promise<'malformed' | { carried: undefined }> => {
  if (url === undefined || !isOfSns(url)) return 'malformed'
  await fetchText(url)
  return { carried: undefined }
}
