import { AwsV4Signer } from 'aws4fetch'
import * as v from 'valibot'
import { type AwsCredentials, openCredentials } from './aws/credentials.ts'
import type { Provider } from './provider.ts'
import { formatSender, parseSender } from './sender.ts'

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
