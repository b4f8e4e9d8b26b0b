import * as v from 'valibot'
import { text } from '../../process/config.ts'
import { type AwsCredentials, openCredentials } from './aws/credentials.ts'
import type { Provider } from './provider.ts'
import { isSame, type Report, timeOf } from './report.ts'
import { formatSender, parseSender } from './sender.ts'
import { openMessage } from './sns.ts'

const KEY = /^[\x21-\x39\x3b-\x7e]+:[\x21-\x39\x3b-\x7e]+(?::[\x21-\x7e]+)?$/

/**
 * Amazon SES, API v2 (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html), signed by Signature V4. It knows no
 * idempotency key; the key goes along as a tag, which its events repeat.
 */
export const ses: Provider = {
  publicUrl: (region = '') => `https://email.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`,
  connect: (settings) => {
    const { name, email } = parseSender(settings.from)
    const from = formatSender({ name: name === null ? null : encodeWord(name), email })
    const readCredentials = openCredentials(settings.apiKey, settings.region)
    const text8 = (Data: string) => ({ Data, Charset: 'UTF-8' })
    return async ({ to, subject, text, html }, idempotencyKey) => {
      const body = JSON.stringify({
        FromEmailAddress: from,
        Destination: { ToAddresses: [to] },
        Content: { Simple: { Subject: text8(subject), Body: { Text: text8(text), Html: text8(html) } } },
        EmailTags: [{ Name: 'key', Value: idempotencyKey }],
      })
      return { path: PATH, headers: await sign(settings, await readCredentials(), body), body }
    }
  },
  readId: ({ json }) => (v.is(accepted, json) ? json.MessageId : undefined),
  readCode: ({ headers, json }) => {
    const type = headers['x-amzn-errortype'] ?? (v.is(fault, json) ? (json.__type ?? json.code) : undefined)
    // Such as `com.amazonaws#MessageRejected:http://…`.
    const code = typeof type === 'string' ? /([A-Za-z]+)(?::.*)?$/.exec(type)?.[1] : undefined
    const text = v.is(fault, json) ? (json.message ?? json.Message ?? '') : ''
    if (code === 'MessageRejected') return /not verified/i.test(text) ? 'MessageRejected identity' : code
    return code === 'BadRequestException' && /address|recipient|suppress/i.test(text) ? 'BadRequestException to' : code
  },
  // …/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors, …/APIReference-V2/CommonErrors.html, …/dg/troubleshoot-error-messages.html
  meanings: {
    MessageRejected: ['message-rejected', 'this-mail'],
    'BadRequestException to': ['invalid-recipient', 'this-address'],
    'MessageRejected identity': ['identity-not-verified', 'us'],
    BadRequestException: ['bad-request', 'us'],
    AccountSuspendedException: ['account-suspended', 'us'],
    SendingPausedException: ['sending-paused', 'us'],
    MailFromDomainNotVerifiedException: ['mail-from-domain-not-verified', 'us'],
    NotFoundException: ['not-found', 'us'],
    AccessDeniedException: ['access-denied', 'us'],
    ExpiredTokenException: ['expired-token', 'us'],
    IncompleteSignature: ['incomplete-signature', 'us'],
    InvalidClientTokenId: ['invalid-client-token-id', 'us'],
    InvalidSignatureException: ['invalid-signature', 'us'],
    MissingAuthenticationToken: ['missing-authentication-token', 'us'],
    NotAuthorized: ['not-authorized', 'us'],
    OptInRequired: ['opt-in-required', 'us'],
    RequestExpired: ['request-expired', 'us'],
    SignatureDoesNotMatch: ['signature-does-not-match', 'us'],
    UnrecognizedClientException: ['unrecognized-client', 'us'],
    ValidationError: ['validation-error', 'us'],
    LimitExceededException: ['limit-exceeded', 'wait'],
    TooManyRequestsException: ['too-many-requests', 'wait'],
    ThrottlingException: ['throttling', 'wait'],
    ServiceUnavailable: ['service-unavailable', 'wait'],
    InternalFailure: ['internal-failure', 'silence'],
    InternalServiceErrorException: ['internal-service-error', 'silence'],
  },
  settings: {
    apiKey: v.optional(
      v.pipe(v.string(), v.regex(KEY, 'must be ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN], or not set')),
    ),
    region: v.pipe(
      text('must be set: the region of SES'),
      v.regex(/^[a-z0-9-]{1,40}$/, 'must be a region such as eu-central-1'),
    ),
  },
  /** Through SNS, which signs; the secret is the ARN of the topic. */
  reports: {
    scheme: 'by the signature of SNS',
    admits: (headers, secret) => isSame(headers.get('x-amz-sns-topic-arn') ?? secret, secret),
    read: async (request) => {
      const message = await openMessage(request)
      if (typeof message === 'string') return message
      return v.is(notification, message.carried) ? reportOf(message.carried) : []
    },
    isSecret: (secret) => /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+$/.test(secret),
  },
}

const PATH = '/v2/email/outbound-emails'

const accepted = v.object({ MessageId: v.string() })
const fault = v.object({
  __type: v.optional(v.string()),
  code: v.optional(v.string()),
  message: v.optional(v.string()),
  Message: v.optional(v.string()),
})

const sign = async (
  { url, region }: { url: string; region?: string | undefined },
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  body: string,
): Promise<Record<string, string>> => {
  const { AwsV4Signer } = await import('aws4fetch')
  const headers = { 'content-type': 'application/json' }
  const signer = new AwsV4Signer({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    url: `${url.replace(/\/+$/, '')}${PATH}`,
    method: 'POST',
    service: 'ses',
    region: region ?? '',
    headers,
    body,
  })
  const signed = await signer.sign()
  return Object.fromEntries(signed.headers)
}

/** SES takes ASCII only: other letters as an encoded word (RFC 2047). */
const encodeWord = (name: string): string =>
  /^[\x20-\x7e]*$/.test(name) ? name : `=?UTF-8?B?${Buffer.from(name).toString('base64')}?=`

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
